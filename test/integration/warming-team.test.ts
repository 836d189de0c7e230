/** Warming in several instances of one application: one plans for all, and each fills its own memory. */
import { expect, it } from 'vitest';
import { testCache, type TestCache } from '../support/cache.js';
import { endAfterEach } from '../support/ends.js';
import { freshNamespace, redisUrl } from '../support/servers.js';

endAfterEach();

const OPTIONS = {
  interval: 60_000,
  onBoot: false,
  keys: 1_000,
  budget: 100,
  share: 1,
  concurrency: 1,
} as const;

interface Member extends TestCache {
  readonly loads: string[];
}

async function member(namespace: string): Promise<Member> {
  const made = await testCache({ namespace, redis: redisUrl(), more: { warming: OPTIONS } });
  const loads: string[] = [];
  // A process that has just begun is busy, and would hold back.
  made.cache.warming.readings = { take: () => ({}), close: () => undefined };
  made.cache.warming.calls.declare('k:{id}', 'default', (_args, key) => ({
    key,
    loader: () => {
      loads.push(key);
      return key;
    },
  }));
  return { ...made, loads };
}

/** Is missed again and again, and absent in the end. */
async function miss({ cache }: TestCache, key: string): Promise<void> {
  for (let times = 0; times < 4; times++) {
    await cache.getOrSet(key, () => key);
    await cache.delete(key);
  }
}

const leads = ({ cache }: TestCache): boolean => cache.stats().warming.leads;

it('one of two plans, and the other one takes over within a lease when it is gone', async () => {
  const namespace = freshNamespace();
  const [a, b] = [await member(namespace), await member(namespace)];
  await a.cache.warming.leader.ask();
  await b.cache.warming.leader.ask();
  expect([a, b].map(leads)).toEqual([true, false]);
  // Nothing renews its lease: as if it had died, it gives nothing back.
  await expect
    .poll(async () => (await b.cache.warming.leader.ask(), leads(b)), { timeout: 5_000 })
    .toBe(true);
  // One that was only frozen finds out before it plans again.
  await a.cache.warming.round();
  expect(leads(a)).toBe(false);
});

it('a leader that closes gives its place away at once', async () => {
  const namespace = freshNamespace();
  const [a, b] = [await member(namespace), await member(namespace)];
  await a.cache.warming.leader.ask();
  await a.cache.close();
  await b.cache.warming.leader.ask();
  expect(leads(b)).toBe(true);
});

it('what one was asked for is loaded by the one that plans, once, and found in memory by both', async () => {
  const namespace = freshNamespace();
  const [a, b] = [await member(namespace), await member(namespace)];
  await a.cache.warming.leader.ask();
  // Asked for and missed at the other one only: that is what the loads are earned by, too.
  await miss(b, 'k:b');
  await b.cache.warming.round();
  await a.cache.warming.round();
  await b.cache.warming.round();
  expect(a.loads).toEqual(['k:b']);
  expect(b.loads).toEqual([]);
  expect(b.cache.peek('k:b')).toBe('k:b');
});
