/** L3's tables as migrations of the application's own. */
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SCHEMA_VERSION } from '../../libs/multi-level-cache/src/tiers/database/migrations.js';
import { cacheMigrations } from '../../libs/multi-level-cache/src/nest/typeorm.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshDatabase, freshNamespace } from '../support/servers.js';

let source: DataSource;
let url: string;
let namespace: string;

beforeEach(async () => {
  [url, namespace] = [await freshDatabase(), freshNamespace()];
  source = await sourceWith(cacheMigrations());
});
afterEach(async () => {
  await closeCaches();
  await source.destroy();
});

function sourceWith(migrations: ReturnType<typeof cacheMigrations>): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url, migrations: [...migrations] }).initialize();
}

const make = (migrate: boolean): Promise<TestCache> =>
  testCache({ namespace, database: url, l1: false, l3: { migrate }, mayBeDown: true });

async function keeps(cache: TestCache['cache']): Promise<unknown> {
  await cache.getOrSet('k', () => 'kept');
  await cache.drain();
  return cache.get('k');
}

/** What there is of the cache, but for its record of versions. */
async function relations(): Promise<readonly string[]> {
  const rows = await source.query<{ name: string }[]>(
    "select relname as name from pg_class where relnamespace = to_regnamespace('mlcache') and relkind in ('r', 'S') order by 1",
  );
  return rows.map(({ name }) => name).filter((name) => name !== 'meta');
}

it('make what a cache works with that may make no tables itself', async () => {
  expect(await source.runMigrations()).toHaveLength(SCHEMA_VERSION);
  const { cache } = await make(false);
  expect(await keeps(cache)).toBe('kept');
  await cache.invalidateTags(['t']);
  expect(cache.stats().tiers.l3.state).toBe('up');
  expect(await source.runMigrations()).toEqual([]);
});

it('leave alone what a process has made at boot', async () => {
  const { cache } = await make(true);
  expect(await keeps(cache)).toBe('kept');
  await source.runMigrations();
  expect(await cache.get('k')).toBe('kept');
});

it('are undone one by one, and leave nothing; and made again', async () => {
  await source.runMigrations();
  const whole = await relations();
  for (let left = SCHEMA_VERSION; left > 0; left--) await source.undoLastMigration();
  expect(await relations()).toEqual([]);
  expect(await source.runMigrations()).toHaveLength(SCHEMA_VERSION);
  expect(await relations()).toEqual(whole);
  expect(await keeps((await make(false)).cache)).toBe('kept');
});

it('of another schema and table are others', async () => {
  const place = { schema: 'other', table: 'thing', unlogged: true };
  const both = await sourceWith([...cacheMigrations(), ...cacheMigrations(place)]);
  await both.runMigrations();
  const found = await both.query<{ kind: string }[]>(
    "select relpersistence as kind from pg_class where oid in ('other.thing'::regclass, 'mlcache.entry'::regclass) order by 1",
  );
  expect(found.map(({ kind }) => kind)).toEqual(['p', 'u']);
  await both.destroy();
});

it('undone for one of two tables in a schema leave the other what both share', async () => {
  await source.runMigrations();
  const { cache } = await make(false);
  expect(await keeps(cache)).toBe('kept');
  const second = await sourceWith(cacheMigrations({ table: 'second' }));
  await second.runMigrations();
  for (let left = SCHEMA_VERSION; left > 0; left--) await second.undoLastMigration();
  await second.destroy();
  expect(await relations()).not.toContain('second');
  const receipt = await cache.invalidateTags(['t']);
  expect(receipt.l3).toBe('ok');
  expect(await cache.get('k')).toBe('kept');
  expect(await keeps((await make(false)).cache)).toBe('kept');
});

it('name every fault of their options', () => {
  const wrong = { schema: 'a"b', unlogged: 'yes', tabel: 'entry' } as never;
  expect(() => cacheMigrations(wrong)).toThrow(
    /CACHE_CONFIG_INVALID(?=[^]*schema)(?=[^]*unlogged)(?=[^]*tabel)/,
  );
});
