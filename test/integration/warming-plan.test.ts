/** The last plan of warming as its callers see it: each tenant its own keys, of the caches it may administer. */
import { afterEach, expect, it } from 'vitest';
import type { WarmingPlan } from '../../libs/multi-level-cache/src/index.js';
import type { SecurityOptions } from '../../libs/multi-level-cache/src/core/security-options.js';
import { FakeClock } from '../../libs/multi-level-cache/src/testing/index.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshNamespace } from '../support/servers.js';

const MINUTE = 60_000;
const RED = { tenantId: 'red', subjectId: 'ann' };
const BLUE = { tenantId: 'blue', subjectId: 'bob' };
const TENANTS: SecurityOptions = { tenancy: 'required' };

afterEach(closeCaches);

interface Made extends TestCache {
  readonly clock: FakeClock;
  readonly plan: (who?: object) => WarmingPlan;
  /** Asks for keys until they are worth a load: what begins with `old` is there and ends soon, the others are gone. */
  miss(who: object, cache: string, ...keys: readonly string[]): Promise<void>;
}

async function make(security?: SecurityOptions, on = true): Promise<Made> {
  const clock = new FakeClock();
  const warming = { interval: MINUTE, onBoot: false, keys: 300, budget: 300, share: 1 };
  const made = await testCache({
    namespace: freshNamespace(),
    clock,
    ttl: MINUTE / 2,
    more: { warming: on && { ...warming, concurrency: 1 }, ...(security && { security }) },
  });
  const { cache } = made;
  if (on) cache.warming.readings = { take: () => ({}), close: () => undefined };
  for (const name of ['default', 'prices'])
    // What it cannot load stays as it was, so that the plan can be compared with what is there.
    cache.warming.calls.declare(`{id}:{n}`, name, (_args, key) => ({
      key,
      loader: () => Promise.reject(new Error('the origin is down')),
    }));
  const inspector = cache.inspector();
  return Object.assign(made, {
    clock,
    plan: (who?: object) => (who ? cache.runAs(who, () => inspector.plan()) : inspector.plan()),
    miss: (who: object, name: string, ...keys: readonly string[]) =>
      cache.runAs(who, async () => {
        const named = name === 'default' ? cache : cache.namespace(name);
        for (let times = 0; times < 4; times++) {
          await named.deleteMany(keys);
          for (const key of keys) await named.getOrSet(key, () => key);
        }
        await named.deleteMany(keys.filter((key) => !key.startsWith('old')));
      }),
  });
}

const keysOf = ({ entries }: WarmingPlan): string[] => entries.map(({ key }) => key).toSorted();

it('shows each tenant its own keys, and nobody those of a user', async () => {
  const made = await make(TENANTS);
  await made.miss(RED, 'default', 'red:1', 'old:1');
  await made.miss(BLUE, 'default', 'blue:1', 'old:1');
  await made.cache.runAs(RED, async () => {
    const own = made.cache.scoped('user');
    for (let times = 0; times < 4; times++) {
      await own.getOrSet('cart:1', () => 1);
      await own.delete('cart:1');
    }
  });
  await made.cache.warming.round();
  expect(keysOf(made.plan(RED))).toEqual(['old:1', 'red:1']);
  expect(keysOf(made.plan(BLUE))).toEqual(['blue:1', 'old:1']);
  expect(made.plan({ tenantId: 'green' })).toMatchObject({ leads: true, entries: [] });
});

it('is for somebody, where that is required', async () => {
  const { cache, plan } = await make(TENANTS);
  expect(() => plan()).toThrow('CACHE_CONTEXT_MISSING');
  expect(() => plan({ subjectId: 'ann' })).toThrow('CACHE_CONTEXT_MISSING');
  expect(cache.stats().security).toMatchObject({ contextMissing: 2, byAction: { admin: 2 } });
});

it('leaves out caches that the policy refuses, asks once for each of the own ones, and counts no refusal', async () => {
  const asked: string[] = [];
  const can = (_who: object, action: string, cache: string): boolean => {
    if (action === 'admin') asked.push(cache);
    return action !== 'admin' || cache !== 'prices';
  };
  const made = await make({ ...TENANTS, policy: { can } });
  await made.miss(RED, 'default', 'a:1', 'a:2');
  await made.miss(RED, 'prices', 'p:1', 'p:2');
  await made.miss(BLUE, 'others', 'o:1');
  await made.cache.warming.round();
  expect(keysOf(made.plan(RED))).toEqual(['a:1', 'a:2']);
  expect(asked.toSorted()).toEqual(['default', 'prices']);
  expect(made.cache.stats().security.denied).toBe(0);
});

it('says of each key what explain() says of it, in the order of the plan', async () => {
  const made = await make();
  const { cache, clock, plan } = made;
  for (let minute = 0; minute < 3; minute++) {
    await made.miss({}, 'default', 'a:1', 'old:1', ...(minute > 0 ? ['a:2'] : []));
    await made.miss({}, 'prices', 'p:1');
    clock.advance(MINUTE / 4);
  }
  await cache.warming.round();
  const { entries } = plan();
  expect(keysOf(plan())).toEqual(['a:1', 'a:2', 'old:1', 'p:1']);
  expect(new Set(entries.map(({ reason }) => reason))).toEqual(new Set(['absent', 'expiring']));
  for (const { cache: name, key, priority, reason } of entries) {
    const named = name === 'default' ? cache : cache.namespace(name);
    expect((await named.explain(key)).warming?.planned).toEqual({ priority, reason });
  }
  // Loads are run one at a time, in the order of the plan.
  const tried: string[] = [];
  cache.warming.calls.find = ({ key }) => void tried.push(key);
  await made.miss({}, 'default', 'a:1', 'a:2', 'a:3');
  await cache.warming.round();
  expect(tried.length).toBeGreaterThan(1);
  expect(plan().entries.map(({ key }) => key)).toEqual(tried);
});

it('shows a hundred keys at most', async () => {
  const made = await make();
  await made.miss({}, 'default', ...Array.from({ length: 120 }, (_zero, n) => `k:${n}`));
  await made.cache.warming.round();
  expect(made.plan().entries).toHaveLength(100);
});

it('says when the next round is, once there was one', async () => {
  const { cache, clock, plan } = await make();
  expect(plan()).not.toHaveProperty('nextInMs');
  await cache.warming.round();
  expect(plan()).toEqual({ leads: true, nextInMs: MINUTE, entries: [] });
  clock.advance(MINUTE - 7_000);
  expect(plan().nextInMs).toBe(7_000);
  // The tick at one minute was passed over: a round was under way.
  clock.advance(10_000);
  expect(plan().nextInMs).toBe(MINUTE - 3_000);
});

it('is empty where warming is off, and gone with the cache', async () => {
  const made = await make(undefined, false);
  const { cache, plan } = made;
  await cache.warming.round();
  expect(plan()).toEqual({ leads: false, entries: [] });
  await made.close();
  expect(() => plan()).toThrow('CACHE_CLOSED');
});
