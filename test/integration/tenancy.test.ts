/** Tenants and users over real tiers: whose entries a call means, and what it may not mean. */
import { afterEach, describe, expect, it } from 'vitest';
import type {
  CacheManager,
  EntryScope,
  SecurityContext,
} from '../../libs/multi-level-cache/src/index.js';
import type { Tenancy } from '../../libs/multi-level-cache/src/index.js';
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
    const asked: unknown[] = [];
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
    expect(asked.at(-1)).toEqual([ANN, expect.any(String), 'default', asked.at(-1)![3]]);
  });
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
    const other = await open('required', namespace);
    const theirs = other.cache.scoped('user');
    expect(await other.as(ANN, () => theirs.get('cart'))).toBe('of ann');
    expect(await other.as(BOB, () => theirs.get('cart'))).toBeUndefined();
    // What one instance deletes leaves the memory of the other.
    await as(ANN, () => mine.delete('cart'));
    await expect.poll(() => other.as(ANN, () => theirs.peek('cart'))).toBeUndefined();
    expect(await other.as(ANN, () => theirs.get('cart'))).toBeUndefined();
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
