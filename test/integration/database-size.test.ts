/** The cache's table under many writes: small, hot, in bounds, and without deadlocks beside several sweepers. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { createEntry } from '../../libs/multi-level-cache/src/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import type { L3Options } from '../../libs/multi-level-cache/src/core/options.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { L3 } from '../support/options.js';
import { freshDatabase } from '../support/servers.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };
const clock = new SystemClock();
let url: string;
let admin: pg.Client;
const tiers: DatabaseTier[] = [];

beforeAll(async () => {
  url = await freshDatabase();
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
});
afterEach(async () => {
  await Promise.all(tiers.splice(0).map((tier) => tier.close()));
  await admin.query('drop schema if exists mlcache cascade');
});
afterAll(() => admin.end());

async function open(options: Partial<L3Options> = {}): Promise<DatabaseTier> {
  const tier = new DatabaseTier({ ...L3, url, ...options }, { namespace: 'app', clock });
  await tier.open(DEAF);
  tiers.push(tier);
  return tier;
}

const scope = new Scope('app', 'p', 'default');
const addresses = (count: number): Address[] =>
  Array.from({ length: count }, (_zero, n) => new Address(scope, `k${n}`));

function set(
  tier: DatabaseTier,
  where: readonly Address[],
  value: unknown,
  ttl = 60_000,
): Promise<void> {
  const life = { ttl, grace: 0, tags: [] };
  const entries = where.map(() => createEntry(value, life, clock.now(), 0, true));
  return tier.apply({ kind: 'set', addresses: where, entries });
}

async function count(where = 'true'): Promise<number> {
  const { rows } = await admin.query<{ n: string }>(
    `select count(*) n from mlcache.entry where ${where}`,
  );
  return Number(rows[0].n);
}

describe('the table', () => {
  it('is rewritten in place: refills of the same hour touch no index', async () => {
    const tier = await open();
    const keys = addresses(2_000);
    // Its analysis holds a snapshot, and while any is held in this database no place becomes free.
    await admin.query('alter table mlcache.entry set (autovacuum_enabled = false)');
    await set(tier, keys, 'first');
    for (let round = 0; round < 100; round++) {
      const some = keys.toSorted(() => Math.random() - 0.5).slice(0, 100);
      await set(tier, some, { round, text: 'x'.repeat(200) });
    }
    await tier.close();
    const stats = async (): Promise<{ all: number; hot: number }> => {
      await admin.query('select pg_stat_clear_snapshot()');
      const { rows } = await admin.query<{ all: string; hot: string }>(
        `select n_tup_upd "all", n_tup_hot_upd hot from pg_stat_user_tables where relname = 'entry'`,
      );
      return { all: Number(rows[0].all), hot: Number(rows[0].hot) };
    };
    await expect.poll(async () => (await stats()).all, { timeout: 10_000 }).toBe(10_000);
    const { all, hot } = await stats();
    expect(hot / all).toBeGreaterThan(0.9);
  });

  it('stays under its cap, the soonest to die going first, and says how large it is', async () => {
    const tier = await open({ maxSize: 400_000 });
    const keys = addresses(1_000);
    const text = Array.from({ length: 900 }, (_zero, n) =>
      String.fromCharCode(33 + ((n * n) % 90)),
    ).join('');
    await set(tier, keys.slice(0, 500), text, 3_600_000);
    await set(tier, keys.slice(500), text, 86_400_000);
    // Fences of the last minutes stay: what was set just now is not evicted.
    await tier.maintain();
    expect(await count('value is not null')).toBe(1_000);
    await admin.query(`update mlcache.entry set created_at = created_at - interval '11 minutes'`);
    await tier.maintain();
    const { bytes, entries, evictions } = tier.status();
    expect(evictions).toBeGreaterThan(300);
    expect(bytes).toBeGreaterThan(0);
    expect(entries).toBeGreaterThan(0);
    expect(await count(`expires_at < now() + interval '2 hours'`)).toBeLessThan(100);
    await tier.maintain();
    expect(tier.status().bytes).toBeLessThanOrEqual(400_000);
  });

  it('keeps no row longer than maxAge', async () => {
    const tier = await open({ maxAge: 5_000 });
    await set(tier, addresses(1), 1, 60_000);
    const { rows } = await admin.query<{ left: number }>(
      `select (extract(epoch from stale_until - clock_timestamp()) * 1000)::float8 as left from mlcache.entry`,
    );
    expect(rows[0].left).toBeLessThanOrEqual(5_000);
  });

  it('changes between logged and unlogged at boot', async () => {
    const kind = async (): Promise<string> =>
      (
        await admin.query<{ kind: string }>(
          `select relpersistence kind from pg_class where oid = 'mlcache.entry'::regclass`,
        )
      ).rows[0].kind;
    await open();
    expect(await kind()).toBe('p');
    await open({ unlogged: true });
    expect(await kind()).toBe('u');
    await open();
    expect(await kind()).toBe('p');
  });

  it('stores a 64 KB value in less than half its bytes', async () => {
    const tier = await open();
    const value = Array.from({ length: 700 }, (_zero, id) => ({
      id,
      name: `product ${id}`,
      brand: 'acme',
      stock: id % 7,
    }));
    await set(tier, addresses(1), value);
    const { rows } = await admin.query<{ bytes: number }>(
      'select octet_length(value) as bytes from mlcache.entry',
    );
    expect(rows[0].bytes).toBeLessThan(JSON.stringify(value).length / 2);
    const read = await tier.read(addresses(1)[0]);
    expect(read.entry?.value).toEqual(value);
  });
});

/** Longer by `SOAK_SECONDS=60 npx vitest run test/integration/database-size.test.ts`. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 4);

it(
  'two sweepers and two writers: no deadlock surfaces, and the highest version of every key survives',
  async () => {
    const [one, two] = [await open({ maxSize: 200_000 }), await open({ maxSize: 200_000 })];
    const keys = addresses(300);
    const failures: unknown[] = [];
    const until = performance.now() + SECONDS * 1_000;
    const last = new Map<string, number>();
    let version = 0;
    const writer = async (tier: DatabaseTier, mine: readonly Address[]): Promise<void> => {
      while (performance.now() < until) {
        const some = mine.filter(() => Math.random() < 0.5).sort(() => Math.random() - 0.5);
        if (some.length === 0) continue;
        const now = ++version;
        try {
          // Every third round dies at once, so that the sweepers have dead rows to remove.
          await set(tier, some, now, now % 3 === 0 ? 1 : 60_000);
          for (const { key } of some) last.set(key, now % 3 === 0 ? 0 : now);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const sweeper = async (tier: DatabaseTier): Promise<void> => {
      while (performance.now() < until) {
        try {
          await tier.sweep(500);
        } catch (error) {
          failures.push(error);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const both = async (tier: DatabaseTier): Promise<void> => {
      // The other instance writes the same keys meanwhile; each key's own history is one writer's.
      const half = tier === one ? keys.slice(0, 150) : keys.slice(150);
      await Promise.all([
        writer(tier, half),
        tier.apply({ kind: 'touch', addresses: [keys[0]], ms: 60_000 }),
      ]);
    };
    const noise = async (): Promise<void> => {
      while (performance.now() < until) {
        await Promise.all([
          one.apply({ kind: 'delete', addresses: addresses(400).slice(300) }),
          two.apply({ kind: 'expire', addresses: addresses(400).slice(300).toReversed() }),
        ]).catch((error: unknown) => failures.push(error));
      }
    };
    await Promise.all([both(one), both(two), sweeper(one), sweeper(two), noise()]);
    expect(failures).toEqual([]);
    expect(version).toBeGreaterThan(50);
    for (const [key, wanted] of last) {
      const read = await one.read(keys.find((address) => address.key === key)!);
      if (wanted === 0) expect(read.state).not.toBe('fresh');
      else expect(read.entry?.value).toBe(wanted);
    }
  },
  (SECONDS + 30) * 1_000,
);
