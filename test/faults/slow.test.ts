/** A tier that does not answer in time is not asked any more, by nobody's call found out to answer again, and costs nobody an error. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { startCluster } from 'throwaway-servers';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { storeAll, testCache, type TestCache } from '../support/cache.js';
import { endAfterEach, kept } from '../support/ends.js';
import { freshNamespace, startPostgres, startRedis, type Server } from '../support/servers.js';
import { adminOf } from './matrix/setting.js';

/** As many slow calls as it may take. */
const MOST = 10;
const BUDGET = 20;
const KEYS = Array.from({ length: 200 }, (_zero, at) => `k${at}`);

let namespace: string;

beforeEach(() => {
  namespace = freshNamespace();
});
endAfterEach();

/** Reads until the tier is asked no more; says how often it was asked until then. */
async function readUntilOpen(
  made: TestCache,
  tier: 'l2' | 'l3',
  keys: readonly string[],
): Promise<number> {
  const before = made[tier]!.reads;
  for (const key of keys) {
    if (made.cache.stats().tiers[tier].state === 'degraded') break;
    expect(await made.cache.get(key)).toBeUndefined();
  }
  expect(made.cache.stats().tiers[tier]).toMatchObject({
    state: 'degraded',
    reason: 'too slow to be asked',
  });
  return made[tier]!.reads - before;
}

describe.each(['l2', 'l3'] as const)('%s is frozen', (tier) => {
  let server: Server;
  let made: TestCache;
  beforeEach(async () => {
    server = await kept(tier === 'l2' ? startRedis() : startPostgres());
    const where = tier === 'l2' ? { redis: server.url } : { database: server.url };
    made = await testCache({ namespace, l1: false, budget: BUDGET, grace: 0, ...where });
    await storeAll(made, KEYS, 'stored');
  });

  it('is asked no more after a few calls, without an error; and again as soon as it answers', async () => {
    const states: string[] = [];
    made.cache.on('tier', ({ state }) => states.push(state));
    const gates = made[tier]!;
    await server.freeze();
    expect(await readUntilOpen(made, tier, KEYS)).toBeLessThanOrEqual(MOST);
    const asked = gates.reads;
    for (const key of KEYS) expect(await made.cache.getOrSet(key, () => 'loaded')).toBe('loaded');
    expect(gates.reads).toBe(asked);
    await server.thaw();
    // Nobody calls meanwhile.
    await expect.poll(() => made.cache.stats().tiers[tier].state, { timeout: 5_000 }).toBe('up');
    // PostgreSQL may have taken what was loaded meanwhile.
    await expect.poll(async () => made.cache.get(KEYS.at(-1)!)).toBeDefined();
    expect(states[0]).toBe('degraded');
    expect(states.at(-1)).toBe('up');
  });

  it('a change is owed, not skipped: what was deleted meanwhile does not come back', async () => {
    await server.freeze();
    await readUntilOpen(made, tier, KEYS);
    const receipt = await made.cache.delete('k150');
    expect(receipt[tier]).toBe('queued');
    await server.thaw();
    await expect.poll(() => made.cache.stats().tiers[tier].state, { timeout: 5_000 }).toBe('up');
    await expect.poll(async () => made.cache.get('k151')).toBeDefined();
    expect(await made.cache.get('k150')).toBeUndefined();
  });
});

it('Redis is full: what would fill it is asked no more, reads go on; and it is filled again when there is room', async () => {
  const server = await kept(startRedis());
  const made = await testCache({ namespace, l1: false, redis: server.url });
  await storeAll(made, KEYS, 'stored');
  const admin = adminOf(server);
  await admin.config('SET', 'maxmemory', 1);
  const asked = vi.spyOn(made.l2!, 'ticket');
  const load = async (key: string): Promise<void> => {
    expect(await made.cache.getOrSet(key, () => 'loaded')).toBe('loaded');
  };
  for (const key of KEYS) await load(`new:${key}`);
  // One call now and then finds out whether there is room again.
  expect(asked.mock.calls.length).toBeLessThanOrEqual(MOST);
  for (const key of KEYS) expect(await made.cache.get(key)).toBe('stored');
  expect(made.cache.stats().tiers.l2).toMatchObject({
    state: 'degraded',
    reason: 'not filled: it is full (maxmemory)',
  });
  await admin.config('SET', 'maxmemory', 0);
  let tries = 0;
  const stored = async (): Promise<unknown> => {
    const key = `later:${tries++}`;
    await load(key);
    return made.cache.get(key);
  };
  await expect.poll(stored, { timeout: 5_000 }).toBe('loaded');
  expect(made.cache.stats().tiers.l2).toMatchObject({ state: 'up' });
  expect(made.cache.stats().tiers.l2.reason).toBeUndefined();
});

it('one master of a cluster is frozen: the keys of the others are read as before', async () => {
  const { nodes, masterOf } = await kept(startCluster());
  const made = await testCache({
    namespace,
    l1: false,
    budget: BUDGET,
    grace: 0,
    l2: { cluster: nodes },
  });
  await storeAll(made, KEYS, 'stored');
  const scope = new Scope(namespace, 'p', 'default');
  const frozen = await masterOf(new Address(scope, KEYS[0]).entryKey);
  const [its, others]: [string[], string[]] = [[], []];
  for (const key of KEYS) {
    const master = await masterOf(new Address(scope, key).entryKey);
    (master.port === frozen.port ? its : others).push(key);
  }
  expect(others.length).toBeGreaterThan(MOST);
  await frozen.freeze();
  expect(await readUntilOpen(made, 'l2', its)).toBeLessThanOrEqual(MOST);
  for (const key of others.slice(0, MOST)) expect(await made.cache.get(key)).toBe('stored');
  await frozen.thaw();
});
