/** The master of a Sentinel set or of a cluster's shard dies under traffic: no request fails, and nothing deleted comes back. */
import { startCluster, startSentinel } from 'throwaway-servers';
import { afterEach, describe, expect, it } from 'vitest';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { databaseUrl, freshNamespace, type Server } from '../support/servers.js';
import { traffic } from '../support/traffic.js';

interface Fleet {
  readonly l2: Partial<L2Options>;
  /** The node whose loss is to be noticed. */
  victim(namespace: string): Promise<Server>;
  stop(): Promise<void>;
}

const fleets: Fleet[] = [];
afterEach(async () => {
  await closeCaches();
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
});

async function sentinel(): Promise<Fleet> {
  const { name, primary, sentinels, stop } = await startSentinel();
  return { l2: { sentinels, name }, victim: primary, stop };
}

async function shardOfTheStream(): Promise<Fleet> {
  const { masterOf, nodes, stop } = await startCluster();
  return { l2: { cluster: nodes }, victim: (namespace) => masterOf(`${namespace}:{~}:st`), stop };
}

async function anotherShard(): Promise<Fleet> {
  const { masterOf, masters, nodes, stop } = await startCluster();
  const victim = async (namespace: string): Promise<Server> => {
    const stream = await masterOf(`${namespace}:{~}:st`);
    return (await masters()).find((server) => server !== stream)!;
  };
  return { l2: { cluster: nodes }, victim, stop };
}

const FLEETS = [
  { name: 'the primary of a Sentinel set', start: sentinel },
  { name: 'the shard of the stream', start: shardOfTheStream },
  { name: 'another shard', start: anotherShard },
];

describe.each(FLEETS)('$name', { timeout: 60_000 }, ({ start }) => {
  async function begin(): Promise<{
    fleet: Fleet;
    make: () => Promise<TestCache>;
    namespace: string;
  }> {
    const fleet = await start();
    fleets.push(fleet);
    const namespace = freshNamespace();
    const database = databaseUrl();
    const make = (): Promise<TestCache> =>
      testCache({ namespace, l2: fleet.l2, database, budget: 50, mayBeDown: true });
    return { fleet, make, namespace };
  }

  it.each(['killed', 'frozen'])(
    '%s under traffic: no failed request, then used again',
    async (how) => {
      const { fleet, make, namespace } = await begin();
      const made = await make();
      const victim = await fleet.victim(namespace);
      const load = traffic(made);
      if (how === 'killed') await victim.kill();
      else await victim.freeze();
      const writes = (): number => made.cache.stats().tiers.l2.writes;
      // Another master has taken over once every key can be written again.
      await expect
        .poll(async () => (await made.cache.deleteMany(KEYS)).l2, {
          timeout: 30_000,
          interval: 200,
        })
        .toBe('ok');
      const before = writes();
      await expect.poll(writes, { timeout: 10_000 }).toBeGreaterThan(before);
      expect(await load.stop()).toBeGreaterThan(10);
      expect(load.failures).toEqual([]);
      if (how === 'frozen') await victim.thaw();
    },
  );

  it('lost: what is deleted meanwhile is owed, and does not come back', async () => {
    const { fleet, make, namespace } = await begin();
    const made = await make();
    for (const key of KEYS) await made.cache.getOrSet(key, () => 'old');
    await made.cache.drain();
    await (await fleet.victim(namespace)).kill();
    expect(await made.cache.deleteMany(KEYS)).toMatchObject({ l2: 'queued', durable: true });
    expect([...(await made.cache.getMany(KEYS))]).toEqual([]);
    await expect
      .poll(async () => (await made.cache.delete('another')).l2, { timeout: 30_000, interval: 200 })
      .toBe('ok');
    const other = await make();
    for (const { cache } of [made, other]) expect([...(await cache.getMany(KEYS))]).toEqual([]);
  });
});

/** Enough to have some on every shard. */
const KEYS = Array.from({ length: 60 }, (_zero, index) => `k${index}`);
