/** Tenants and users at random, on every verb and two instances, against a model of whose entries must be there. */
import { expect, it } from 'vitest';
import type {
  CacheManager,
  EntryScope,
  SecurityContext,
} from '../../libs/multi-level-cache/src/index.js';
import { testCache } from '../support/cache.js';
import { endAfterEach } from '../support/ends.js';
import { seeded } from '../support/random.mjs';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

endAfterEach();

const STEPS = Number(process.env['TENANT_STEPS'] ?? 3_000);
/** Alike enough to be mistaken for each other. */
const TENANTS = ['a', 'a:b', 'A', 'p'];
const USERS = ['a', 'ann', 'ann@a'];
const KEYS = ['k:1', 'k:2', 'a:b', '1', 't:a'];
const TAGS = ['red', 'blue', 'k:1'];
const CACHES = ['default', 'second'];

/** Whose entry it is: `[tenant]`, `[tenant, user]`, or `[]` for everybody's. */
type Owner = readonly string[];

interface Caller {
  readonly context: SecurityContext;
  readonly of: EntryScope;
  readonly owner: Owner;
}

interface Value {
  readonly owner: Owner;
  readonly cache: string;
  readonly key: string;
}

interface Kept extends Value {
  readonly tags: readonly string[];
}

/** Which entries nobody has removed. */
class Model {
  readonly #kept = new Map<string, Kept>();

  put(kept: Kept): void {
    this.#kept.set(nameOf(kept), kept);
  }

  remove(gone: (kept: Kept) => boolean): void {
    for (const [name, kept] of this.#kept) if (gone(kept)) this.#kept.delete(name);
  }

  has(value: Value): boolean {
    return this.#kept.has(nameOf(value));
  }

  get all(): readonly Kept[] {
    return [...this.#kept.values()];
  }
}

const nameOf = ({ cache, key, owner }: Value): string => JSON.stringify([owner, cache, key]);
/** What a tenant invalidates its users lose too; what a user does is the user's own. */
const within = (owner: Owner, by: Owner): boolean =>
  by.length === 0 ? owner.length === 0 : by.every((part, at) => owner[at] === part);

const random = seeded(7);
const some = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];

function caller(): Caller {
  const [tenantId, subjectId] = [some(TENANTS), some(USERS)];
  const of = some<EntryScope>(['tenant', 'tenant', 'user', 'user', 'public']);
  const owner = { public: [], tenant: [tenantId], user: [tenantId, subjectId] }[of];
  return { context: { tenantId, subjectId }, of, owner };
}

/** One step: what is called, and what it does to the model. */
type Step = (cache: CacheManager, who: Caller, model: Model) => Promise<unknown>;

const value = (cache: CacheManager, { owner }: Caller, key: string): Value => ({
  owner,
  cache: cache.name,
  key,
});

/** Whatever comes back is the caller's own. */
function assertOwn(found: unknown, expected: Value): void {
  if (found !== undefined) expect(found).toEqual(expected);
}

const one = (make: (cache: CacheManager, key: string) => Promise<unknown>): Step => {
  return async (cache, who) => {
    const key = some(KEYS);
    assertOwn(await make(cache, key), value(cache, who, key));
  };
};

const removes = (
  work: (cache: CacheManager, key: string) => Promise<unknown>,
  expires = false,
): Step => {
  return async (cache, who, model) => {
    const key = some(KEYS);
    await work(cache, key);
    const gone = nameOf(value(cache, who, key));
    model.remove((kept) => nameOf(kept) === gone);
    if (!expires) expect(await cache.get(key)).toBeUndefined();
  };
};

const stores = (
  work: (cache: CacheManager, key: string, made: Value, tags: string[]) => Promise<unknown>,
): Step => {
  return async (cache, who, model) => {
    const [key, tags] = [some(KEYS), [some(TAGS)]];
    const made = value(cache, who, key);
    await work(cache, key, made, tags);
    // One that was there keeps its own tags; without knowing them it is one that may go.
    if (!model.has(made)) model.put({ ...made, tags });
  };
};

const byTag = (work: (cache: CacheManager, tag: string) => Promise<unknown>): Step => {
  return async (cache, { owner }, model) => {
    const tag = some(TAGS);
    await work(cache, tag);
    model.remove((kept) => within(kept.owner, owner) && kept.tags.includes(tag));
  };
};

/** A manager of TypeORM's that is in no transaction. */
const OUTSIDE = { queryRunner: undefined, transaction: () => undefined };

const STEPS_BY_NAME: Readonly<Record<string, Step>> = {
  get: one((cache, key) => cache.get(key)),
  peek: one(async (cache, key) => cache.peek(key)),
  getMany: async (cache, who) => {
    for (const [key, found] of await cache.getMany(KEYS)) assertOwn(found, value(cache, who, key));
  },
  has: one(async (cache, key) => void (await cache.has(key))),
  ttl: one(async (cache, key) => void (await cache.ttl(key))),
  explain: one(async (cache, key) => void (await cache.explain(key))),
  set: async (cache, who, model) => {
    const [key, tags] = [some(KEYS), [some(TAGS)]];
    const made = value(cache, who, key);
    await cache.set(key, made, { tags });
    model.put({ ...made, tags });
  },
  setMany: async (cache, who, model) => {
    const tags = [some(TAGS)];
    const made = KEYS.slice(0, 2).map((key) => [key, value(cache, who, key)] as const);
    await cache.setMany(made, { tags });
    for (const [, each] of made) model.put({ ...each, tags });
  },
  getOrSet: stores(async (cache, key, made, tags) =>
    assertOwn(await cache.getOrSet(key, () => made, { tags }), made),
  ),
  getOrSetMany: stores(async (cache, key, made, tags) =>
    assertOwn((await cache.getOrSetMany([key], () => [[key, made]], { tags })).get(key), made),
  ),
  touch: one(async (cache, key) => void (await cache.touch(key, '1h'))),
  delete: removes((cache, key) => cache.delete(key)),
  deleteMany: removes((cache, key) => cache.deleteMany([key])),
  expire: removes((cache, key) => cache.expire(key), true),
  mutate: removes((cache, key) => cache.mutate({ keys: [key] }, () => undefined)),
  invalidateIn: removes((cache, key) => cache.invalidateIn(OUTSIDE, { keys: [key] })),
  invalidateTags: byTag((cache, tag) => cache.invalidateTags([tag])),
  mutateTags: byTag((cache, tag) => cache.mutate({ tags: [tag] }, () => undefined)),
  clear: async (cache, { owner }, model) => {
    await cache.clear();
    model.remove((kept) => kept.cache === cache.name && within(kept.owner, owner));
  },
  invalidatePattern: async (cache, { of, owner }, model) => {
    if (of === 'user') return;
    await cache.invalidatePattern('k:*');
    model.remove(
      (kept) => kept.cache === cache.name && kept.key.startsWith('k:') && within(kept.owner, owner),
    );
  },
  warm: async (cache, { of }) => {
    if (of !== 'user') await cache.warm({ keys: KEYS, patterns: ['k:*'] });
  },
};

it('no call reads, stores, removes or warms an entry that is not its caller’s', async () => {
  const namespace = freshNamespace();
  const instances = await Promise.all(
    [0, 1].map(() =>
      testCache({
        namespace,
        redis: redisUrl(),
        database: databaseUrl(),
        ttl: 3_600_000,
        more: { security: { tenancy: 'required' } },
      }),
    ),
  );
  const model = new Model();
  const names = Object.keys(STEPS_BY_NAME);
  const seen = new Set<string>();
  for (let step = 0; step < STEPS; step++) {
    const [who, name] = [caller(), some(names)];
    const root = some(instances).cache;
    const cache = root.namespace(some(CACHES)).scoped(who.of);
    await root.runAs(who.context, () => STEPS_BY_NAME[name](cache, who, model));
    seen.add(`${name} ${who.of}`);
    if (step % 50 === 0) await Promise.all(instances.map((each) => each.cache.drain()));
    // Nobody else's entry has gone, on either instance.
    for (let looks = 0; looks < 3 && model.all.length > 0; looks++) {
      const kept = some(model.all);
      const [tenantId = 'a', subjectId] = kept.owner;
      const of = (['public', 'tenant', 'user'] as const)[kept.owner.length];
      const look = some(instances).cache;
      const found = await look.runAs({ tenantId, ...(subjectId && { subjectId }) }, () =>
        look.namespace(kept.cache).scoped(of).get(kept.key),
      );
      expect([step, name, who, found]).toEqual([step, name, who, valueOf(kept)]);
    }
  }
  expect(seen.size).toBe(3 * names.length);
  expect(model.all.length).toBeGreaterThan(0);
}, 240_000);

function valueOf({ cache, key, owner }: Kept): Value {
  return { owner, cache, key };
}
