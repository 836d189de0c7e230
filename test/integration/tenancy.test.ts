/** Tenants and users over real tiers: whose entries a call means, and what it may not mean. */
import { afterEach, describe, expect, it } from 'vitest';
import type {
  CacheManager,
  CachePolicy,
  EntryScope,
  SecurityContext,
} from '../../libs/multi-level-cache/src/index.js';
import type { Tenancy } from '../../libs/multi-level-cache/src/index.js';
import { createEntry } from '../../libs/multi-level-cache/src/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { FakeClock } from '../../libs/multi-level-cache/src/testing/fake-clock.js';
import { MemoryTier } from '../../libs/multi-level-cache/src/tiers/memory/memory-tier.js';
import { testCache } from '../support/cache.js';
import { endAfterEach } from '../support/ends.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

endAfterEach();

const ANN: SecurityContext = { tenantId: 'a', subjectId: 'ann' };
const BOB: SecurityContext = { tenantId: 'a', subjectId: 'bob' };
const EVE: SecurityContext = { tenantId: 'b', subjectId: 'ann' };

async function open(tenancy: Tenancy, namespace = freshNamespace()) {
  const { cache } = await testCache({
    namespace,
    redis: redisUrl(),
    database: databaseUrl(),
    more: { security: { tenancy } },
  });
  const as = <T>(who: SecurityContext, work: () => T): T => cache.runAs(who, work);
  return { cache, as, namespace };
}

/** Every verb that may be called for somebody. */
const VERBS: Readonly<Record<string, (cache: CacheManager) => unknown>> = {
  peek: (cache) => cache.peek('k'),
  get: (cache) => cache.get('k'),
  getMany: (cache) => cache.getMany(['k']),
  getOrSet: (cache) => cache.getOrSet('k', () => 1),
  getOrSetMany: (cache) => cache.getOrSetMany(['k'], () => []),
  set: (cache) => cache.set('k', 1),
  setMany: (cache) => cache.setMany([['k', 1]]),
  delete: (cache) => cache.delete('k'),
  deleteMany: (cache) => cache.deleteMany(['k']),
  expire: (cache) => cache.expire('k'),
  touch: (cache) => cache.touch('k', '1m'),
  mutate: (cache) => cache.mutate({ keys: ['k'] }, () => 1),
  invalidateIn: (cache) => cache.invalidateIn({ queryRunner: {} }, { keys: ['k'] }),
  invalidateTags: (cache) => cache.invalidateTags(['t']),
  invalidatePattern: (cache) => cache.invalidatePattern('k:*'),
  clear: (cache) => cache.clear(),
  has: (cache) => cache.has('k'),
  ttl: (cache) => cache.ttl('k'),
  warm: (cache) => cache.warm({ keys: ['k'] }),
  explain: (cache) => cache.explain('k'),
};

async function codeOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe.each(Object.entries(VERBS))('%s', (name, verb) => {
  it('is refused where nobody was named and somebody has to be', async () => {
    const { as, cache } = await open('required');
    for (const of of [undefined, 'public', 'tenant', 'user'] as const) {
      const view = of ? cache.scoped(of) : cache;
      expect([of, await codeOf(() => verb(view))]).toEqual([of, 'CACHE_CONTEXT_MISSING']);
      // Named, but no tenant: that is enough for what is everybody's.
      const code = await codeOf(() => as({ subjectId: 'ann' }, () => verb(view)));
      expect([of, code === 'CACHE_CONTEXT_MISSING']).toEqual([of, of !== 'public']);
    }
    expect(await codeOf(() => as({ tenantId: 'a' }, () => verb(cache.scoped('user'))))).toBe(
      'CACHE_CONTEXT_MISSING',
    );
    expect(cache.stats().security.contextMissing).toBe(8);
  });

  it('asks the policy before anything else, and does nothing where it says no', async () => {
    const asked: unknown[][] = [];
    const { cache } = await testCache({
      namespace: freshNamespace(),
      redis: redisUrl(),
      more: {
        security: {
          tenancy: 'optional',
          policy: { can: (...args) => (asked.push(args), args[1] === 'write' && name !== 'set') },
        },
      },
    });
    await codeOf(() => cache.runAs(ANN, () => cache.set('k', 'kept')));
    const mayWrite = ['setMany', 'touch'].includes(name);
    const code = await codeOf(() => cache.runAs(ANN, () => verb(cache)));
    expect(code).toBe(mayWrite ? undefined : 'CACHE_ACCESS_DENIED');
    expect(asked.at(-1)?.slice(0, 3)).toEqual([ANN, expect.any(String), 'default']);
  });
});

it('a policy is asked for each of many keys', async () => {
  const policy: CachePolicy = { can: (_who, _action, _cache, key) => key !== 'secret' };
  const security = { tenancy: 'off', policy } as const;
  const { cache } = await testCache({ namespace: freshNamespace(), more: { security } });
  const keys = ['a', 'secret'];
  for (const verb of [
    () => cache.getMany(keys),
    () => cache.getOrSetMany(keys, () => []),
    () => cache.setMany(keys.map((key) => [key, 1] as const)),
    () => cache.deleteMany(keys),
    () => cache.mutate({ keys }, () => 1),
  ])
    expect(await codeOf(verb)).toBe('CACHE_ACCESS_DENIED');
  expect(await cache.get('a')).toBeUndefined();
});

it('a load ahead is refused where a load of a caller would be', async () => {
  const suspended = new Set<string | undefined>();
  const policy: CachePolicy = { can: ({ tenantId }) => !suspended.has(tenantId) };
  const security = { tenancy: 'required', policy } as const;
  const { cache } = await testCache({ namespace: freshNamespace(), more: { security } });
  const loads: string[] = [];
  cache.warming.calls.declare('k:{id}', 'default', (_args, key) => ({
    key,
    loader: () => loads.push(key),
  }));
  const refs = ['t:a', 't:b', 'p'].map((tenant) => ({ tenant, cache: 'default', key: 'k:1' }));
  suspended.add('a');
  const how = { budget: 10, priority: 'normal' } as const;
  const outcomes = async (): Promise<string[]> =>
    (await cache.warming.warm(refs, how)).entries.map(({ outcome }) => outcome);
  expect(await outcomes()).toEqual(['failed', 'loaded', 'loaded']);
  expect(loads).toHaveLength(2);
  suspended.clear();
  expect(await outcomes()).toEqual(['loaded', 'alreadyFresh', 'alreadyFresh']);
});

describe('entries', () => {
  it('of one tenant are seen by nobody of another, in no tier', async () => {
    const { as, cache, namespace } = await open('required');
    await as(ANN, () => cache.set('k', 'a'));
    expect(await as(BOB, () => cache.get('k'))).toBe('a');
    expect(await as(EVE, () => cache.get('k'))).toBeUndefined();
    const other = await open('required', namespace);
    expect(await other.as(BOB, () => other.cache.get('k'))).toBe('a');
    expect(await other.as(EVE, () => other.cache.get('k'))).toBeUndefined();
  });

  it('of a user are seen by no other user, in no tier and on no instance', async () => {
    const { as, cache, namespace } = await open('required');
    const mine = cache.scoped('user');
    await as(ANN, () => mine.getOrSet('cart', () => 'of ann'));
    await cache.drain();
    for (const who of [BOB, EVE]) {
      expect(await as(who, () => mine.get('cart'))).toBeUndefined();
      expect(await as(who, () => cache.get('cart'))).toBeUndefined();
    }
    // Both lie in the stores, side by side.
    await as(BOB, () => mine.getOrSet('bag', () => 'of bob'));
    await as(ANN, () => mine.getOrSet('bag', () => 'of ann'));
    await cache.drain();
    const other = await open('required', namespace);
    const theirs = other.cache.scoped('user');
    for (const [who, name] of [
      [ANN, 'ann'],
      [BOB, 'bob'],
    ] as const)
      expect(await other.as(who, () => theirs.get('bag', { tiers: ['l2'] }))).toBe(`of ${name}`);
    expect(await other.as(ANN, () => theirs.get('cart'))).toBe('of ann');
    expect(await other.as(BOB, () => theirs.get('cart'))).toBeUndefined();
    // What one instance deletes leaves the memory of the other.
    await as(ANN, () => mine.delete('cart'));
    await expect.poll(() => other.as(ANN, () => theirs.peek('cart'))).toBeUndefined();
    expect(await other.as(ANN, () => theirs.get('cart'))).toBeUndefined();
  });

  it('of two users that are loaded at the same time are two loads', async () => {
    const { as, cache } = await open('required');
    const load = (who: SecurityContext): Promise<unknown> =>
      as(who, () => cache.scoped('user').getOrSet('cart', async () => `of ${who.subjectId}`));
    expect(await Promise.all([load(ANN), load(BOB), load(ANN)])).toEqual([
      'of ann',
      'of bob',
      'of ann',
    ]);
    expect(cache.stats().caches['default'].requests.loader).toBe(3);
  });

  it('of a user with the longest name may have as many tags as any, each as long', async () => {
    const { as, cache, namespace } = await open('required');
    const subjectId = 'u'.repeat(1_024);
    const tags = Array.from({ length: 16 }, (_zero, n) => String(n).padStart(1_024, 't'));
    const who = { tenantId: 'a', subjectId };
    await as(who, () => cache.scoped('user').getOrSet('k', () => 1, { tags }));
    await cache.drain();
    for (const tier of ['l2', 'l3'] as const) {
      const other = await open('required', namespace);
      const get = () => other.cache.scoped('user').get('k', { tiers: [tier] });
      expect(await other.as(who, get)).toBe(1);
    }
    await as(who, () => cache.scoped('user').invalidateTags([tags[7]]));
    expect(await as(who, () => cache.scoped('user').get('k'))).toBeUndefined();
  });

  it('are found again by a call that has gone on while memory forgot its empty tenant', async () => {
    const { cache } = await testCache({
      namespace: freshNamespace(),
      more: { security: { tenancy: 'required' } },
    });
    await cache.runAs(ANN, async () => {
      await cache.set('k', 1);
      await cache.delete('k');
      for (let n = 0; n <= 10_000; n++) cache.runAs({ tenantId: `t${n}` }, () => cache.peek('k'));
      await cache.set('k', 2);
      expect(cache.peek('k')).toBe(2);
    });
  });

  it('of everybody are one for all tenants', async () => {
    const { as, cache } = await open('required');
    await as(ANN, () => cache.scoped('public').set('rates', 1));
    expect(await as(EVE, () => cache.scoped('public').get('rates'))).toBe(1);
    expect(await as(EVE, () => cache.get('rates'))).toBeUndefined();
  });

  it('of two users with names that look like one are two', async () => {
    const { as, cache } = await open('optional');
    const mine = cache.scoped('user');
    const ids = ['a', 'a@b', 'a%40b', 'a:b', '{a}', 'ä', '@'];
    for (const subjectId of ids) await as({ subjectId }, () => mine.set('k', subjectId));
    for (const subjectId of ids)
      expect(await as({ subjectId }, () => mine.get('k'))).toBe(subjectId);
  });
});

describe('invalidation', () => {
  const holds = async (
    { as, cache }: Awaited<ReturnType<typeof open>>,
    of: EntryScope,
  ): Promise<boolean[]> =>
    Promise.all([ANN, BOB, EVE].map((who) => as(who, () => cache.scoped(of).has('k'))));

  const fill = async ({ as, cache }: Awaited<ReturnType<typeof open>>): Promise<void> => {
    for (const who of [ANN, BOB, EVE])
      for (const of of ['tenant', 'user'] as const)
        await as(who, () => cache.scoped(of).set('k', 1, { tags: ['t'] }));
  };

  it('of a tag by a tenant reaches all its users, and no other tenant', async () => {
    const opened = await open('required');
    await fill(opened);
    await opened.as(ANN, () => opened.cache.invalidateTags(['t']));
    expect(await holds(opened, 'tenant')).toEqual([false, false, true]);
    expect(await holds(opened, 'user')).toEqual([false, false, true]);
  });

  it.each([
    ['of a tag', (cache: CacheManager) => cache.invalidateTags(['t'])],
    ['of everything', (cache: CacheManager) => cache.clear()],
    ['by mutate', (cache: CacheManager) => cache.mutate({ tags: ['t'] }, () => 1)],
  ])('%s by a user reaches the own entries alone, on other instances too', async (_title, verb) => {
    const opened = await open('required');
    const other = await open('required', opened.namespace);
    await fill(opened);
    await other.as(ANN, () => other.cache.scoped('user').get('k'));
    await other.as(BOB, () => other.cache.scoped('user').get('k'));
    await opened.as(ANN, () => verb(opened.cache.scoped('user')));
    expect(await holds(opened, 'tenant')).toEqual([true, true, true]);
    expect(await holds(opened, 'user')).toEqual([false, true, true]);
    await expect
      .poll(() => other.as(ANN, () => other.cache.scoped('user').peek('k')))
      .toBe(undefined);
    expect(await other.as(BOB, () => other.cache.scoped('user').get('k'))).toBe(1);
  });

  it('of everything by a tenant reaches its users', async () => {
    const opened = await open('required');
    await fill(opened);
    await opened.as(ANN, () => opened.cache.clear());
    expect(await holds(opened, 'user')).toEqual([false, false, true]);
  });

  it("of a pattern is nothing a user's entries know", async () => {
    const { as, cache } = await open('required');
    const code = await codeOf(() => as(ANN, () => cache.scoped('user').invalidatePattern('k:*')));
    expect(code).toBe('CACHE_PATTERN_UNDECLARED');
  });
});

describe('a loader', () => {
  const { NODE_ENV } = process.env;
  afterEach(() => {
    process.env['NODE_ENV'] = NODE_ENV;
  });

  const reads: readonly (readonly [string, (who: SecurityContext | undefined) => unknown])[] = [
    ['subjectId', (who) => who?.subjectId],
    ['roles', (who) => who?.roles],
    ['permissions', (who) => who?.permissions],
    ['attributes', (who) => who?.attributes],
    ['subjectId', (who) => ({ ...who })],
  ];

  it.each(reads)('that reads %s makes nothing for its tenant', async (name, read) => {
    const { as, cache } = await open('required');
    const load = (): Promise<unknown> =>
      cache.getOrSet('k', () => (read(cache.context.current()), 'of ann'));
    await expect(as(ANN, load)).rejects.toMatchObject({ code: 'CACHE_SCOPE_VIOLATION' });
    await expect(as(ANN, load)).rejects.toThrow(new RegExp(`has read ${name}.*'user'`));
    expect(await as(ANN, () => cache.get('k'))).toBeUndefined();
    expect(cache.stats().security.scopeViolations).toBe(2);
    // For the user it is right.
    const mine = cache.scoped('user');
    const own = (): unknown => mine.getOrSet('k', () => cache.context.current()?.subjectId);
    expect([await as(ANN, own), await as(BOB, own)]).toEqual(['ann', 'bob']);
  });

  it('that reads the tenant makes nothing for everybody', async () => {
    const { as, cache } = await open('required');
    const all = cache.scoped('public');
    const load = (): unknown => all.getOrSet('k', () => cache.context.current()?.tenantId);
    expect(await codeOf(() => as(ANN, load))).toBe('CACHE_SCOPE_VIOLATION');
    expect(await as(ANN, () => cache.getOrSet('k', () => cache.context.current()?.tenantId))).toBe(
      'a',
    );
  });

  it("that asks for a narrower entry makes nothing wider, also if memory has that one's value", async () => {
    const { as, cache } = await open('required');
    const inner = (): Promise<string> => cache.scoped('user').getOrSet('k', () => 'of ann');
    await as(ANN, inner);
    expect(await codeOf(() => as(ANN, () => cache.getOrSet('outer', inner)))).toBe(
      'CACHE_SCOPE_VIOLATION',
    );
    const all = (): unknown => cache.scoped('public').getOrSet('outer', () => cache.get('k'));
    expect(await codeOf(() => as(ANN, all))).toBe('CACHE_SCOPE_VIOLATION');
  });

  it('of many keys makes none of them where it reads too much, though a tier had one', async () => {
    const { as, cache } = await open('required');
    await as(ANN, () => cache.set('1', 1));
    const load = (): unknown =>
      cache.getOrSetMany(['2', '1'], (keys) => {
        const who = cache.context.current()?.subjectId;
        return keys.map((key) => [key, who] as const);
      });
    expect(await codeOf(() => as(ANN, load))).toBe('CACHE_SCOPE_VIOLATION');
    expect(await as(ANN, () => cache.get('2'))).toBeUndefined();
  });

  it('of many keys makes none of several where it reads too much', async () => {
    const { as, cache } = await open('required');
    const load = (): unknown =>
      cache.getOrSetMany(['1', '2', '3'], (keys) => {
        const who = cache.context.current()?.subjectId;
        return keys.map((key) => [key, who] as const);
      });
    expect(await codeOf(() => as(ANN, load))).toBe('CACHE_SCOPE_VIOLATION');
    await cache.drain();
    expect(await as(ANN, () => cache.getMany(['1', '2', '3']))).toEqual(new Map());
  });

  it('that has read too much is not hidden by an older value', async () => {
    const { as, cache } = await open('required');
    await as(ANN, () => cache.getOrSet('k', () => 'old'));
    await as(ANN, () => cache.expire('k'));
    const load = (): unknown => cache.getOrSet('k', () => cache.context.current()?.subjectId);
    expect(await codeOf(() => as(ANN, load))).toBe('CACHE_SCOPE_VIOLATION');
  });

  it('in production makes nothing of what a loader within it has read', async () => {
    process.env['NODE_ENV'] = 'production';
    const { as, cache } = await open('required');
    const inner = (): Promise<unknown> =>
      cache.getOrSet('inner', () => cache.context.current()?.subjectId);
    expect(await as(ANN, () => cache.getOrSet('outer', inner))).toBe('ann');
    await cache.drain();
    expect(await as(ANN, () => cache.getMany(['inner', 'outer']))).toEqual(new Map());
  });

  it('in production gives its value to its own caller alone, and it is not kept', async () => {
    process.env['NODE_ENV'] = 'production';
    const { as, cache } = await open('required');
    const load = async (): Promise<unknown> => {
      const value = cache.context.current()?.subjectId;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return value;
    };
    // The second joins the load of the first.
    const both = [ANN, BOB].map((who) => as(who, () => cache.getOrSet('k', load)));
    expect(await Promise.all(both)).toEqual(['ann', 'bob']);
    await cache.drain();
    expect(await as(ANN, () => cache.get('k'))).toBeUndefined();
    expect(cache.stats().security.scopeViolations).toBe(2);
  });

  it('may read the id of its request, and everything where nobody is told apart', async () => {
    const { as, cache } = await open('required');
    const who = { ...ANN, requestId: 'r1' };
    expect(await as(who, () => cache.getOrSet('k', () => cache.context.current()?.requestId))).toBe(
      'r1',
    );
    const off = await open('off');
    expect(
      await off.as(ANN, () =>
        off.cache.getOrSet('k', () => off.cache.context.current()?.subjectId),
      ),
    ).toBe('ann');
  });
});

it("warming keeps no record of users' entries", async () => {
  const { cache } = await testCache({
    namespace: freshNamespace(),
    more: {
      security: { tenancy: 'required' },
      warming: { interval: 60_000, onBoot: false, keys: 9, budget: 9, share: 1, concurrency: 1 },
    },
  });
  await cache.runAs(ANN, async () => {
    for (let times = 0; times < 3; times++) {
      await cache.scoped('user').getOrSet('cart', () => 1);
      await cache.getOrSet('shared', () => 1);
    }
  });
  await cache.warming.round();
  const idOf = (key: string): number | undefined =>
    cache.warming.accesses.idOf({ tenant: 't:a', cache: 'default', key });
  expect(idOf('cart')).toBeUndefined();
  expect(idOf('shared')).toBeDefined();
});

describe('a context', () => {
  it.each([
    ['no object', null],
    ['an id that is no text', { tenantId: 7 }],
    ['an empty id', { tenantId: '' }],
    ['an id with control characters', { subjectId: 'a\u0000b' }],
    ['roles that are none', { roles: 'admin' }],
    ['permissions that are no texts', { permissions: [1] }],
  ])('of %s is refused', async (_title, context) => {
    const { as } = await open('optional');
    expect(await codeOf(() => as(context as never, () => 1))).toBe('CACHE_CONTEXT_MISSING');
  });

  it('is a copy that nobody can change', async () => {
    const { as, cache } = await open('required');
    const roles = ['reader'];
    const given = { tenantId: 'a', roles };
    as(given, () => {
      given.tenantId = 'b';
      roles.push('admin');
      expect(cache.context.current()).toEqual({ tenantId: 'a', roles: ['reader'] });
      expect(Object.isFrozen(cache.context.current()!.roles)).toBe(true);
    });
  });
});

describe('quotas', () => {
  const numbers = (count: number): string[] => Array.from({ length: count }, (_zero, n) => `${n}`);

  it.each([
    ['entries', { maxEntries: 100 }, 1],
    ['bytes', { maxEntries: 100_000, maxSize: 64_000 }, 400],
  ])(
    'of memory, counted in %s: who stores much loses the own oldest, and the others nothing',
    async (_title, bounds, size) => {
      const clock = new FakeClock();
      const l1 = new MemoryTier(
        { maxSize: 64 * 1024 ** 2, keepStale: true, tenantShare: 0.2, ...bounds },
        clock,
      );
      const tenants = ['t:a', 't:b'].map((tenant) => new Scope('app', tenant, 'default'));
      const others = new Scope('app', 't:a', 'second');
      const [a, b] = tenants;
      const store = (scope: Scope, key: string): void => {
        const entry = createEntry(
          'v'.repeat(size),
          { ttl: 1_000, grace: 0, tags: [] },
          clock.now(),
          1,
          false,
        );
        void l1.apply({ kind: 'set', addresses: [new Address(scope, key)], entries: [entry] });
      };
      for (const key of numbers(10)) store(b, key);
      for (const key of numbers(1_000)) store(Number(key) % 2 ? a : others, key);
      const left = (scope: Scope): number =>
        numbers(1_000).filter((key) => l1.holds(scope, key)).length;
      expect(left(b)).toBe(10);
      const { entries, bytes } = l1.status();
      expect(left(a) + left(others)).toBe(entries - 10);
      if (size === 1) expect(entries).toBe(30);
      else expect(bytes).toBeLessThan(0.2 * 64_000 + 10 * 1_400);
      expect(l1.holds(a, '999')).toBe(true);
      for (const key of numbers(1_000)) l1.drop(a, key);
      expect(l1.status().entries).toBe(10 + left(others));
    },
  );

  it('of loads: who loads much is shed, and the others are not', async () => {
    const clock = new FakeClock();
    const { cache } = await testCache({
      namespace: freshNamespace(),
      clock,
      more: { security: { tenancy: 'required', quotas: { loads: 5 } } },
    });
    const load = (who: SecurityContext, key: string): Promise<unknown> =>
      codeOf(() => cache.runAs(who, () => cache.getOrSet(key, () => key)));
    const codes = await Promise.all(numbers(7).map((key) => load(ANN, key)));
    expect(codes.filter((code) => code === 'CACHE_LOAD_SHED')).toHaveLength(2);
    // What is there is answered, and one call for many is one load.
    expect(await load(ANN, '0')).toBeUndefined();
    expect(await load(EVE, '0')).toBeUndefined();
    const many = numbers(50).map((key) => `many:${key}`);
    const all = (): unknown =>
      cache.getOrSetMany(many, (keys) => keys.map((key) => [key, key] as const));
    expect(await codeOf(() => cache.runAs(EVE, all))).toBeUndefined();
    expect(await load(EVE, 'one more')).toBeUndefined();
    clock.advance(400);
    expect(await load(ANN, 'later')).toBeUndefined();
    expect(await load(ANN, 'later still')).toBeUndefined();
    expect(await load(ANN, 'too soon')).toBe('CACHE_LOAD_SHED');
  });
});
