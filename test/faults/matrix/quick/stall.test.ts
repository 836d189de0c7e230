/** A process that stands still for two seconds, as in a long computation: what its memory says afterwards. */
import { Redis } from 'ioredis';
import { afterEach, expect } from 'vitest';
import { closeCaches, testCache } from '../../../support/cache.js';
import { Proxy } from '../../../support/proxy.js';
import { freshNamespace, redisUrl } from '../../../support/servers.js';
import { Child } from '../child.js';
import { row, type Figures } from '../row.js';

const STALL_MS = 2_000;
/** As old as what was changed elsewhere may get in memory. */
const TRUSTED_MS = 3_000;
/** The same while there is no Redis to be asked: `partitionTtl`. */
const PARTITION_MS = 30_000;
/** The connection that hears what others change. */
const TAIL = 'mlc-tail';

interface Seen {
  readonly hits: readonly (readonly [at: number, version: number, up: boolean])[];
  readonly states: readonly string[];
  readonly errors: readonly string[];
  readonly colds: number;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all([Child.endAll(), closeCaches()]);
  for (const end of ends.splice(0)) await end();
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A process that reads, by way of `redis`, what this one writes. */
async function start(namespace: string, redis: string) {
  const truth = new Redis(redisUrl());
  ends.push(() => truth.disconnect());
  const { cache } = await testCache({ namespace, redis: redisUrl() });
  /** When each version was acknowledged, on the wall clock. */
  const acknowledged: number[] = [];
  const write = async (): Promise<void> => {
    const version = await truth.incr(`${namespace}:truth`);
    expect(await cache.delete('k')).toMatchObject({ l2: 'ok' });
    acknowledged[version] = Date.now();
  };
  await write();
  const child = new Child('stall.mjs', { namespace, redis, source: redisUrl(), stallMs: STALL_MS });
  await child.said();
  const stall = (): Promise<unknown> => {
    child.tell('stall');
    return child.said();
  };
  const end = async (figures: Figures): Promise<Seen> => {
    child.tell('end');
    const seen = await child.said<Seen>();
    expect(await child.ended).toMatchObject({ code: 0 });
    const agesOf = (whileUp: boolean): number[] =>
      seen.hits
        .filter(([, , up]) => up === whileUp)
        .map(([at, version]) => Math.max(at - (acknowledged[version + 1] ?? at), 0));
    const [ages, alone] = [agesOf(true), agesOf(false)];
    figures.count('hits in memory', seen.hits.length);
    figures.ms('oldest after its change', Math.max(...ages));
    // Nobody to be asked: memory is worth more than nothing.
    figures.ms('the same while Redis is not connected', Math.max(0, ...alone), PARTITION_MS);
    figures.count('older than 3 s', ages.filter((age) => age > TRUSTED_MS).length, 0);
    figures.count('failed requests', seen.errors.length, 0);
    return seen;
  };
  return { write, stall, end };
}

row(
  33,
  {
    fault: 'the event loop stands still for 2 s, twice, under reads and changes of others',
    expected: 'nothing that changed 3 s ago is served from memory; no breaker opens',
  },
  async (figures) => {
    const { write, stall, end } = await start(freshNamespace(), redisUrl());
    let writing = true;
    const writes = (async () => {
      for (; writing; await wait(50)) await write();
    })();
    for (let n = 0; n < 2; n++) {
      await stall();
      await wait(300);
    }
    writing = false;
    await writes;
    await wait(200);
    const { hits, states, colds } = await end(figures);
    figures.count(
      'breakers opened',
      states.filter((state) => state.includes('degraded')).length,
      0,
    );
    // ioredis may end a connection that was silent for as long before it hears what has come meanwhile.
    figures.count('connections lost', states.filter((state) => state.includes('down')).length);
    expect(hits.length).toBeGreaterThan(50);
    expect(colds).toBeGreaterThan(40);
  },
);

row(
  33,
  {
    fault: 'nothing is heard of others any more, and then the event loop stands still for 2 s',
    expected: 'nothing that changed 3 s ago is served from memory, from the first read on',
  },
  async (figures) => {
    const proxy = await Proxy.start(redisUrl());
    ends.push(() => proxy.stop());
    const { write, stall, end } = await start(freshNamespace(), proxy.url);
    const held = proxy.holdConnection(TAIL);
    await write();
    await held.reached;
    await wait(1_100);
    await stall();
    await wait(500);
    held.pass();
    const { hits } = await end(figures);
    expect(hits.length).toBeGreaterThan(50);
  },
);
