/** Everything an application may do that reaches Redis, by name, each with proof that it worked. */
import { expect } from 'vitest';
import { deferred, type TestCache } from './cache.js';

export interface Stage {
  /** Two instances of one application, with L3, warming on. */
  readonly a: TestCache;
  readonly b: TestCache;
  /** Another one without L3: there a `set` leaves its value in Redis. */
  readonly c: TestCache;
  /** Breaks the connections of both. */
  readonly cut: () => Promise<void>;
}

const L2 = { tiers: ['l2'] } as const;

async function stored({ cache }: TestCache, key: string, options = {}): Promise<void> {
  await cache.getOrSet(key, () => key, options);
  await cache.drain();
  expect(await cache.get(key, L2)).toBe(key);
}

async function gone({ cache }: TestCache, ...keys: readonly string[]): Promise<void> {
  expect([...(await cache.getMany(keys, L2))]).toEqual([]);
}

export const OPERATIONS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'getOrSet, get and getMany': async ({ a, b }) => {
    for (const key of ['one', 'two']) await stored(a, key);
    expect([...(await b.cache.getMany(['one', 'two'], L2)).values()]).toEqual(['one', 'two']);
  },
  getOrSetMany: async ({ a }) => {
    const load = (keys: readonly string[]): [string, string][] => keys.map((key) => [key, key]);
    expect((await a.cache.getOrSetMany(['m1', 'm2'], load)).size).toBe(2);
    expect((await a.cache.getMany(['m1', 'm2'], L2)).size).toBe(2);
  },
  'set and setMany': async ({ a, c }) => {
    expect((await a.cache.set('s0', 1)).l2).toBe('ok');
    expect((await c.cache.set('s', 1)).l2).toBe('ok');
    expect(
      (
        await c.cache.setMany([
          ['s1', 1],
          ['s2', 2],
        ])
      ).l2,
    ).toBe('ok');
    expect((await c.cache.getMany(['s', 's1', 's2'], L2)).size).toBe(3);
  },
  'delete and deleteMany': async ({ a }) => {
    for (const key of ['d1', 'd2', 'd3']) await stored(a, key);
    expect([(await a.cache.delete('d1')).l2, (await a.cache.deleteMany(['d2', 'd3'])).l2]).toEqual([
      'ok',
      'ok',
    ]);
    await gone(a, 'd1', 'd2', 'd3');
  },
  'expire, and a stale value stands in': async ({ a }) => {
    await stored(a, 'x');
    expect((await a.cache.expire('x')).l2).toBe('ok');
    expect(await a.cache.getOrSet('x', () => Promise.reject(new Error('down')), L2)).toBe('x');
  },
  'touch, has, ttl and explain': async ({ a }) => {
    await stored(a, 't');
    expect(await a.cache.touch('t', '1h')).toBe(true);
    expect(await a.cache.ttl('t')).toBeGreaterThan(3_000_000);
    expect((await a.cache.explain('t')).tiers.l2?.state).toBe('fresh');
  },
  'tags, hard and soft': async ({ a }) => {
    for (const [key, tag] of [
      ['g1', 'hard'],
      ['g2', 'soft'],
    ])
      await stored(a, key, { tags: [tag] });
    expect((await a.cache.invalidateTags(['hard'])).l2).toBe('ok');
    expect((await a.cache.invalidateTags(['soft'], { soft: true })).l2).toBe('ok');
    await gone(a, 'g1', 'g2');
  },
  'clear and patterns': async ({ a }) => {
    await stored(a, 'user:1');
    expect((await a.cache.invalidatePattern('user:*')).l2).toBe('ok');
    await gone(a, 'user:1');
    const own = a.cache.namespace('own');
    await own.getOrSet('c', () => 'c');
    expect((await own.clear()).l2).toBe('ok');
    expect(await own.get('c', L2)).toBeUndefined();
  },
  'mutate: guarded while it writes': async ({ a, b }) => {
    await stored(a, 'w');
    const written = deferred();
    const write = a.cache.mutate({ keys: ['w'] }, () => written.promise);
    await expect.poll(async () => b.cache.getOrSet('w', () => 'meanwhile', L2)).toBe('meanwhile');
    written.resolve();
    await write;
    await stored(b, 'w');
  },
  'one load for two instances': async ({ a, b }) => {
    let loads = 0;
    const value = deferred<string>();
    const load = (): Promise<string> => (loads++, value.promise);
    const both = [a, b].map(({ cache }) => cache.getOrSet('lease', load));
    setTimeout(() => value.resolve('lease'), 1_200);
    expect([await Promise.all(both), loads]).toEqual([['lease', 'lease'], 1]);
  },
  'strong reads': async ({ a, b }) => {
    await stored(a, 'strong', { tags: ['st'] });
    expect(await b.cache.get('strong', { consistency: 'strong' })).toBe('strong');
  },
  'what one changes the other hears': async ({ a, b }) => {
    await stored(a, 'heard');
    expect(await b.cache.get('heard')).toBe('heard');
    await a.cache.delete('heard');
    await expect.poll(() => b.cache.peek('heard')).toBeUndefined();
  },
  'large values, packed and not': async ({ a, b }) => {
    const packed = Array.from({ length: 5_000 }, (_zero, id) => ({ id, name: `product ${id}` }));
    await a.cache.getOrSet('packed', () => packed);
    expect(await b.cache.get('packed', L2)).toEqual(packed);
    const plain = Buffer.alloc(600_000, 7);
    await a.cache.getOrSet('plain', () => plain);
    expect((await b.cache.get<Buffer>('plain', L2))?.equals(plain)).toBe(true);
  },
  'long keys and tenants': async ({ a }) => {
    const key = 'k'.repeat(1_000);
    await a.cache.runAs({ tenantId: 'a:b' }, () => stored(a, key, { tags: ['tt'] }));
    expect(
      (await a.cache.runAs({ tenantId: 'a:b' }, () => a.cache.invalidateTags(['tt']))).l2,
    ).toBe('ok');
    await a.cache.runAs({ tenantId: 'a:b' }, () => gone(a, key));
  },
  'debts of L3, written down and struck': async ({ a }) => {
    await stored(a, 'owed');
    const stop = a.l3!.failThenStop('apply');
    expect(await a.cache.delete('owed')).toMatchObject({ l2: 'ok', l3: 'queued', durable: true });
    stop.pass();
    await expect.poll(async () => (await a.l2!.book!.debts()).length, { timeout: 10_000 }).toBe(0);
    expect(await a.cache.get('owed')).toBeUndefined();
  },
  'warming: its leader, its lists, its loads': async ({ a, b }) => {
    await a.cache.warming.leader.ask();
    await b.cache.warming.leader.ask();
    expect([a, b].filter(({ cache }) => cache.stats().warming.leads)).toHaveLength(1);
    await a.cache.warming.round();
    expect(await a.cache.warm({ keys: ['one'] })).toBeDefined();
  },
  'a lost connection, and what was told meanwhile': async ({ a, b, cut }) => {
    await stored(a, 'kept');
    await b.cache.get('kept');
    await cut();
    for (const { cache } of [a, b])
      await expect.poll(() => cache.stats().tiers.l2.state, { timeout: 10_000 }).toBe('up');
    await a.cache.delete('kept');
    await expect.poll(() => b.cache.peek('kept')).toBeUndefined();
  },
};
