/** What the races have in common: shapes of tiers, changes that remove a value, and a look into every tier afterwards. */
import { afterAll, beforeAll, expect } from 'vitest';
import { deferred, testCache, type TestCache, type TestCacheOptions } from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';
import { startTopology, type Topology, type TopologyName } from '../support/topologies.js';

export const SHAPES = [
  { title: 'L1+L2+L3', redis: 'standalone', database: true },
  { title: 'L1+L2+L3 on Sentinel', redis: 'sentinel', database: true },
  { title: 'L1+L2+L3 on Cluster', redis: 'cluster', database: true },
  { title: 'L1+L2', redis: 'standalone', database: false },
  { title: 'L1+L2 on Cluster', redis: 'cluster', database: false },
  { title: 'L1+L3', redis: undefined, database: true },
] as const;
export type Shape = (typeof SHAPES)[number];
/** Those of the two servers every test run has. */
export const PLAIN = SHAPES.filter(({ redis }) => redis === 'standalone');

export type Make = (more?: Partial<TestCacheOptions>) => Promise<TestCache>;

/** Those of the servers that a file's races need, up while its tests run; to be called once by the file. */
export function topologies(...names: readonly TopologyName[]): ReadonlyMap<TopologyName, Topology> {
  const started = new Map<TopologyName, Topology>();
  beforeAll(async () => {
    for (const name of names) started.set(name, await startTopology(name));
  });
  afterAll(() => Promise.all([...started.values()].map((topology) => topology.stop())));
  return started;
}

/** Instances of one application; `topologies` where the shape is not of the two servers every test run has. */
export function instances(shape: Shape, topologies?: ReadonlyMap<TopologyName, Topology>): Make {
  const namespace = freshNamespace();
  const redis = topologies ? topologies.get(shape.redis!)?.l2 : { url: redisUrl() };
  const l2 = shape.redis && redis;
  return (more) =>
    testCache({
      namespace,
      ...(l2 ? { l2 } : {}),
      database: shape.database ? databaseUrl() : undefined,
      ...more,
    });
}

/** No tier of a cache that was not there before holds anything for the key. */
export async function expectGone(make: Make, ...seen: TestCache[]): Promise<void> {
  for (const { cache } of [...seen, await make()]) {
    const { tiers } = await cache.explain('k');
    for (const tier of Object.values(tiers)) expect(['absent', 'invalid']).toContain(tier.state);
  }
}

/** Every tier that answers, of an instance that was there and one that was not, answers `value`. */
export async function expectValue(value: string, make: Make, ...seen: TestCache[]): Promise<void> {
  for (const { cache } of [...seen, await make()])
    await expect.poll(() => cache.get('k')).toBe(value);
}

/** Changes that remove what a running load of `k` with tag `t` is about to store. */
export const REMOVALS: readonly { name: string; run: (made: TestCache) => Promise<unknown> }[] = [
  { name: 'delete', run: ({ cache }) => cache.delete('k') },
  { name: 'tag invalidation', run: ({ cache }) => cache.invalidateTags(['t']) },
  { name: 'clear', run: ({ cache }) => cache.clear() },
  { name: 'deleteMany', run: ({ cache }) => cache.deleteMany(['other', 'k']) },
];

/** A loader that has been called and waits for its value. */
export function heldLoader(): {
  readonly loader: () => Promise<string>;
  readonly started: Promise<void>;
  readonly finish: (value: string) => void;
} {
  const [started, value] = [deferred(), deferred<string>()];
  return {
    loader: () => (started.resolve(), value.promise),
    started: started.promise,
    finish: value.resolve,
  };
}
