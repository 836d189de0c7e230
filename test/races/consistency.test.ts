/** Consistency modes: what a call sees of other instances' changes that memory has not heard of, and whom a write tells. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeCaches, deferred, testCache, type TestCache } from '../support/cache.js';
import { deaf } from '../support/deaf.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

let namespace: string;
let admin: Redis;
beforeEach(() => {
  namespace = freshNamespace();
  admin = new Redis(redisUrl());
});
afterEach(async () => {
  await closeCaches();
  await admin.quit();
});

const STRONG = { consistency: 'strong' } as const;
const LOCAL = { consistency: 'local' } as const;
const messages = (): Promise<number> => admin.xlen(`${namespace}:{~}:st`);

describe.each([
  { shape: 'L1+L2', database: false },
  { shape: 'L1+L2+L3', database: true },
])('$shape', ({ database }) => {
  const make = (more: object = {}): Promise<TestCache> =>
    testCache({
      namespace,
      redis: redisUrl(),
      database: database ? databaseUrl() : undefined,
      ...more,
    });

  const REMOVALS: readonly (readonly [string, (made: TestCache) => Promise<unknown>])[] = [
    ['delete', ({ cache }) => cache.delete('a:1')],
    ['expire', ({ cache }) => cache.expire('a:1')],
    ['invalidateTags', ({ cache }) => cache.invalidateTags(['t'])],
    ['clear', ({ cache }) => cache.clear()],
    ['invalidatePattern', ({ cache }) => cache.invalidatePattern('a:*')],
  ];
  it.each(REMOVALS)(
    'strong: %s on another instance is seen at once, before any message has come',
    async (_name, remove) => {
      const [writer, reader] = [await make(), await make({ l2: deaf() })];
      const load = (value: string): Promise<string> =>
        reader.cache.getOrSet('a:1', () => value, { tags: ['t'] });
      await load('old');
      await reader.cache.drain();
      expect(await reader.cache.get('a:1', STRONG)).toBe('old');
      await remove(writer);
      expect(await reader.cache.get('a:1')).toBe('old');
      expect(await reader.cache.get('a:1', STRONG)).toBeUndefined();
      expect([...(await reader.cache.getMany(['a:1'], STRONG))]).toEqual([]);
      expect(await reader.cache.getOrSet('a:1', () => 'new', { tags: ['t'], ...STRONG })).toBe(
        'new',
      );
    },
  );

  it('strong: does not join a load that began before', async () => {
    const [writer, reader] = [await make(), await make({ l2: deaf() })];
    const [started, answer] = [deferred(), deferred<string>()];
    const old = reader.cache.getOrSet('k', () => (started.resolve(), answer.promise));
    await started.promise;
    await writer.cache.delete('k');
    expect(await reader.cache.getOrSet('k', () => 'new', STRONG)).toBe('new');
    answer.resolve('old');
    expect(await old).toBe('old');
    expect(await reader.cache.get('k', STRONG)).toBe('new');
  });

  it('strong as the default of an application: memory answers nobody, and peek knows nothing', async () => {
    const defaults = { defaults: STRONG };
    const [writer, reader] = [await make(defaults), await make({ ...defaults, l2: deaf() })];
    expect(await reader.cache.getOrSet('k', () => 'old')).toBe('old');
    expect(await reader.cache.get('k')).toBe('old');
    expect(reader.cache.peek('k')).toBeUndefined();
    expect(reader.cache.stats().tiers.l2.hits).toBeGreaterThan(0);
    await writer.cache.delete('k');
    expect(await reader.cache.getOrSet('k', () => 'new')).toBe('new');
    expect(await reader.cache.get('k', { consistency: 'eventual' })).toBe('new');
  });

  it('strong while Redis is away: loads, stores nothing, and is no error', async () => {
    const { cache } = await make({ redis: 'redis://127.0.0.1:1', mayBeDown: true });
    let loads = 0;
    const load = (): number => ++loads;
    for (const expected of [1, 2]) {
      expect(await cache.getOrSet('k', load, STRONG)).toBe(expected);
      await cache.drain();
      expect(await cache.get('k')).toBeUndefined();
    }
    expect(await cache.get('k', STRONG)).toBeUndefined();
  });

  it('local: a write tells nobody, and the shared tiers have it', async () => {
    const [writer, reader] = [await make(), await make()];
    await reader.cache.getOrSet('k', () => 'old');
    await reader.cache.drain();
    const before = await messages();
    await writer.cache.delete('k', LOCAL);
    await writer.cache.set('other', 1, LOCAL);
    await writer.cache.expire('other', LOCAL);
    const quiet = await make({ defaults: LOCAL });
    await quiet.cache.getOrSet('touched', () => 1);
    expect(await quiet.cache.touch('touched', '1m')).toBe(true);
    expect(await messages()).toBe(before);
    expect(reader.cache.peek('k')).toBe('old');
    expect(await writer.cache.get('k')).toBeUndefined();
    expect(await (await make()).cache.get('k')).toBeUndefined();
  });

  it('local as the option of an application: no message at all, and tags still work', async () => {
    const quiet = { l2: { url: redisUrl(), quiet: true }, defaults: LOCAL };
    const { cache } = await make(quiet);
    const other = await make(quiet);
    for (const remove of REMOVALS.map(([, run]) => run)) {
      expect(await cache.getOrSet('a:1', () => 'old', { tags: ['t'] })).toBe('old');
      await cache.drain();
      await remove({ cache } as TestCache);
      expect(await cache.get('a:1')).toBeUndefined();
      await expect
        .poll(async () => (await other.cache.explain('a:1')).tiers.l2?.state)
        .not.toBe('fresh');
    }
    await cache.mutate({ keys: ['a:1'], tags: ['t'] }, () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    expect(await messages()).toBe(0);
  });
});

it('strong, and PostgreSQL, the only shared store, is away: loads, stores nothing, and is no error', async () => {
  const { cache } = await testCache({
    namespace,
    database: 'postgres://nobody@127.0.0.1:1/none',
    mayBeDown: true,
  });
  let loads = 0;
  for (const expected of [1, 2]) {
    expect(await cache.getOrSet('k', () => ++loads, STRONG)).toBe(expected);
    expect(cache.peek('k')).toBeUndefined();
  }
});

it('eventual, and no message comes: what another instance deleted is not served for longer than some seconds', async () => {
  const writer = await testCache({ namespace, redis: redisUrl() });
  const reader = await testCache({ namespace, l2: deaf() });
  await reader.cache.getOrSet('k', () => 'old');
  await reader.cache.drain();
  await writer.cache.delete('k');
  expect(reader.cache.peek('k')).toBe('old');
  await expect.poll(() => reader.cache.get('k'), { timeout: 8_000 }).toBeUndefined();
});

it('R18: a lease whose load is doomed by a tag goes to the next, who does not wait for it', async () => {
  const make = (): Promise<TestCache> => testCache({ namespace, redis: redisUrl() });
  const [slow, next] = [await make(), await make()];
  const options = { tags: ['t'] };
  const [started, answer] = [deferred(), deferred<string>()];
  const late = slow.cache.getOrSet('k', () => (started.resolve(), answer.promise), options);
  await started.promise;
  await next.cache.invalidateTags(['t']);
  // Would wait for the owner of the lease for as long as that loads.
  expect(await next.cache.getOrSet('k', () => 'new', options)).toBe('new');
  answer.resolve('old');
  expect(await late).toBe('old');
  for (const { cache } of [next, await make()]) expect(await cache.get('k')).toBe('new');
});

it.each([{ consistency: 'often' }, { consistency: 1 }])('%j is told', async (options) => {
  const { cache } = await testCache({ namespace });
  for (const call of [
    () => cache.get('k', options as object),
    () => cache.getOrSet('k', () => 1, options as object),
    () => cache.set('k', 1, options as object),
    () => cache.delete('k', options as object),
    () => cache.clear(options as object),
  ])
    await expect(call()).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
      message: expect.stringContaining('eventual, strong, local') as string,
    });
});
