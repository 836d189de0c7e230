/** PostgreSQL frozen, and its connections all held by statements that wait: whoever does not need it does not notice. */
import { expect } from 'vitest';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach, kept, later } from '../../../support/ends.js';
import { freshNamespace, redisUrl, startPostgres, type Server } from '../../../support/servers.js';
import { Load, type Report } from '../load.js';
import { row, type Figures } from '../row.js';
import { connection, unharmed } from '../stage.js';

/** So that a hit is not a load because the machine is busy. */
const L2_BUDGET = 200;
const L2_HIT_MS = 20;
const L3_BUDGET = 50;
const L1_HIT_MS = 5;
/** As long as the fault lasts. */
const FAULT_MS = 3_000;

endAfterEach();

/** Requests that end in L1, in L2, and in the loader. */
class Loads {
  readonly memory: Load;
  readonly shared: Load;
  readonly misses: Load;

  /** Resolves when the first two find what they ask for. */
  static async start(made: TestCache, withoutL1: TestCache): Promise<Loads> {
    const few = { keys: 20, perSecond: 100 };
    const memory = new Load([made.cache], { prefix: 'memory', ...few });
    const shared = new Load([withoutL1.cache], { prefix: 'shared', ...few });
    for (const load of [memory, shared])
      await expect.poll(async () => (await load.during(300)).loads, { timeout: 10_000 }).toBe(0);
    return new Loads(made, memory, shared);
  }

  private constructor({ cache }: TestCache, memory: Load, shared: Load) {
    [this.memory, this.shared] = [memory, shared];
    // After 200 questions without a hit L3 would not be asked because it does not pay.
    const misses = { prefix: 'miss', perSecond: 100, ttl: 10, writeEvery: 20 };
    this.misses = new Load([cache], misses);
  }

  async during(ms: number): Promise<Report[]> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return Promise.all([this.memory.next(), this.shared.next(), this.misses.next()]);
  }

  stop(): Promise<Report[]> {
    return Promise.all([this.memory.stop(), this.shared.stop(), this.misses.stop()]);
  }
}

async function run(
  figures: Figures,
  fault: (server: Server) => Promise<() => Promise<unknown>>,
): Promise<void> {
  const server = await kept(startPostgres());
  const options = {
    namespace: freshNamespace(),
    redis: redisUrl(),
    database: server.url,
    l2: { budget: L2_BUDGET },
    l3: { budget: L3_BUDGET },
  };
  const [made, other] = [await testCache(options), await testCache({ ...options, l1: false })];
  await made.cache.getOrSet('deleted', () => 'old');
  const loads = await Loads.start(made, other);
  later(() => loads.stop());
  const healthy = await loads.during(500);
  const heal = await fault(server);
  const asked = made.l3!.reads;
  expect((await made.cache.delete('deleted')).l3).toBe('queued');
  await expect.poll(() => made.cache.stats().tiers.l3.state, { interval: 10 }).not.toBe('up');
  const during = await loads.during(FAULT_MS);
  const sent = made.l3!.reads - asked;
  await heal();
  const healed = performance.now();
  const taken = async (): Promise<string> => (await made.cache.delete('another')).l3;
  await expect.poll(taken, { timeout: 10_000, interval: 20 }).toBe('ok');
  figures.ms('used again after', performance.now() - healed, 2_000);
  expect(await made.cache.get('deleted')).toBeUndefined();
  const after = await loads.stop();
  const [memory, shared, misses] = during;
  figures.ms('p99 of L1 hits', memory.p99, L1_HIT_MS);
  figures.ms('p99 of L2 hits', shared.p99, L2_HIT_MS);
  figures.ms('p50 of misses', misses.p50, L2_HIT_MS);
  figures.ms('p99 of misses', misses.p99, L3_BUDGET + L2_HIT_MS);
  figures.count('loads instead of hits', memory.loads + shared.loads, 0);
  // One in ten may find out that it is silent.
  figures.count('reads sent to it', sent, misses.requests / 10);
  unharmed(figures, ...healthy, ...during, ...after);
}

row(
  21,
  {
    fault: 'PostgreSQL SIGSTOP',
    expected: 'hits of L1 and L2 unaffected, misses pass it by, nothing deleted comes back',
  },
  (figures) =>
    run(figures, async (server) => {
      await server.freeze();
      return () => server.thaw();
    }),
);

row(
  21,
  {
    fault: 'PostgreSQL: all connections of the pool wait for a lock',
    expected: 'hits of L1 and L2 unaffected, misses pass it by, nothing deleted comes back',
  },
  (figures) =>
    run(figures, async (server) => {
      const holder = await connection(server);
      await holder.query('begin');
      await holder.query('lock table mlcache.entry in access exclusive mode');
      return () => holder.query('rollback');
    }),
);
