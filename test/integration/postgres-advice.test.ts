/** What is advised about real PostgreSQL servers: each advice where a server is set that way, none where it is set right, and none of it in the way. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import type { L3Options } from '../../libs/multi-level-cache/src/core/options.js';
import { rowSecurity } from '../../libs/multi-level-cache/src/index.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import {
  downgrade,
  migrate,
  SCHEMA_VERSION,
} from '../../libs/multi-level-cache/src/tiers/database/migrations.js';
import { atEnd, endAfterEach, kept } from '../support/ends.js';
import { L3 } from '../support/options.js';
import {
  freshDatabase,
  freshNamespace,
  startPgBouncer,
  startPostgres,
  type Server,
} from '../support/servers.js';

endAfterEach();

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };
const TABLE = 'mlcache.entry';

let server: Server;
let admin: pg.Client;
/** A role that owns its database and nothing else, and a fresh one for each test. */
let role: string;
let url: string;

beforeAll(async () => {
  server = await startPostgres(undefined, { fsync: 'on', full_page_writes: 'on' });
  admin = await connected(server.url);
});
beforeEach(async () => {
  role = freshNamespace().replace('-', '_');
  url = Object.assign(new URL(server.url), {
    username: role,
    password: 'secret',
    pathname: role,
  }).href;
  await admin.query(`create role ${role} login password 'secret'`);
  await admin.query(`create database ${role} owner ${role}`);
});
afterAll(async () => {
  await admin.end();
  await server.stop();
});

async function connected(to: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: to });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** In the database of this test, by its superuser. */
async function inDatabase(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = await connected(Object.assign(new URL(server.url), { pathname: role }).href);
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function tierOf(more: Partial<L3Options> = {}, namespace = freshNamespace()) {
  const tier = new DatabaseTier({ ...L3, url, ...more }, { namespace, clock: new SystemClock() });
  atEnd(() => tier.close());
  await tier.open(DEAF);
  expect(tier.status()).toMatchObject({ state: 'up' });
  return tier;
}

async function codes(more?: Partial<L3Options>, namespace?: string): Promise<string[]> {
  const tier = await tierOf(more, namespace);
  const advice = await tier.advise();
  expect(tier.status().state).toBe('up');
  return advice.map(({ about, code }) => `${about} ${code}`);
}

/** For the whole server, and as it was afterwards. */
async function set(name: string, value: string): Promise<void> {
  atEnd(() => change(`reset ${name}`));
  await change(`set ${name} = ${value}`);
  const shown = async () =>
    (await admin.query<Record<string, string>>(`show ${name}`)).rows[0][name];
  await expect.poll(shown).toBe(value);
}

async function change(what: string): Promise<void> {
  await admin.query(`alter system ${what}`);
  await admin.query('select pg_reload_conf()');
}

describe.each([{ poolerMode: false }, { poolerMode: true }])('with %j', (way) => {
  it('a server that is set right is given no advice', async () => {
    expect(await codes(way)).toEqual([]);
  });

  it('a superuser is told of', async () => {
    await admin.query(`alter role ${role} superuser`);
    expect(await codes(way)).toEqual(['l3 postgres-superuser']);
  });

  it.each(['role', 'database'])('a %s whose commits are confirmed early is told of', async (of) => {
    await admin.query(`alter ${of} ${role} set synchronous_commit = off`);
    expect(await codes(way)).toEqual(['l3 postgres-confirms-early']);
  });

  it.each(['autovacuum', 'track_counts'])('%s that is off is told of', async (name) => {
    await set(name, 'off');
    expect(await codes(way)).toEqual(['l3 postgres-no-autovacuum']);
  });

  it('a table that is not vacuumed is told of', async () => {
    await tierOf(way);
    await inDatabase((client) =>
      client.query(`alter table ${TABLE} set (autovacuum_enabled = off)`),
    );
    expect(await codes(way)).toEqual(['l3 postgres-no-autovacuum']);
    await inDatabase((client) =>
      client.query(`alter table ${TABLE} set (autovacuum_enabled = on)`),
    );
    expect(await codes(way)).toEqual([]);
  });

  it('a table that is unlogged is told of, unless it is meant to be', async () => {
    await tierOf(way);
    await inDatabase((client) => client.query(`alter table ${TABLE} set unlogged`));
    const advice = ['l3 postgres-unlogged'];
    expect(await codes({ ...way, migrate: false })).toEqual(advice);
    expect(await codes({ ...way, migrate: false, unlogged: true })).toEqual([]);
  });

  it('tables older than the library are told of', async () => {
    await inDatabase(async (client) => {
      const run = async (text: string, values?: unknown[]) =>
        (await client.query(text, values)).rows;
      await client.query(`set role ${role}`);
      await migrate(client, { ...L3 });
      await downgrade(run, L3, SCHEMA_VERSION - 1);
    });
    expect(await codes({ ...way, migrate: false })).toEqual(['l3 postgres-migrations-pending']);
    expect(await codes(way)).toEqual([]);
    expect(await codes({ ...way, migrate: false })).toEqual([]);
  });
});

it('a server without fsync is told of', async () => {
  const advice = await codes({ url: await freshDatabase() });
  expect(advice).toEqual(['l3 postgres-superuser', 'l3 postgres-fsync-off']);
});

describe('connections', () => {
  it.each([
    ['role', 9, ['l3 postgres-few-connections']],
    ['role', 10, []],
    ['database', 9, ['l3 postgres-few-connections']],
  ])('of a %s: %i of them → %j', async (of, limit, advice) => {
    await admin.query(`alter ${of} ${role} connection limit ${limit}`);
    expect(await codes({ poolSize: 4 })).toEqual(advice);
    expect(await codes({ poolSize: 4, poolerMode: true })).toEqual([]);
  });

  it('of the server count without those that are reserved', async () => {
    const [{ free }] = (
      await admin.query<{ free: number }>(
        "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as free",
      )
    ).rows;
    expect(await codes({ poolSize: free / 2 - 1 })).toEqual([]);
    expect(await codes({ poolSize: free / 2 })).toEqual(['l3 postgres-few-connections']);
  });
});

it('is asked through PgBouncer as well', async () => {
  const pooler = await kept(startPgBouncer(url));
  const way = { url: pooler.url, poolerMode: true };
  expect(await codes(way)).toEqual([]);
  await inDatabase((client) => client.query(`alter table ${TABLE} set (autovacuum_enabled = off)`));
  expect(await codes(way)).toEqual(['l3 postgres-no-autovacuum']);
});

it('is asked behind row-level security as well', async () => {
  const namespace = freshNamespace();
  const user = `${role}_user`;
  await admin.query(`create role ${user} login password 'secret'`);
  await inDatabase(async (client) => {
    await migrate(client, { ...L3 });
    for (const sql of rowSecurity({ namespace, role: user })) await client.query(sql);
  });
  const walled = { url: url.replace(role, user), rowSecurity: true, migrate: false };
  expect(await codes(walled, namespace)).toEqual([]);
  await admin.query(`alter role ${user} set synchronous_commit = off`);
  expect(await codes(walled, namespace)).toEqual(['l3 postgres-confirms-early']);
});

it('that refuses to answer gives no advice, and the tier is as up as it was', async () => {
  // As of a server that only speaks like PostgreSQL: a kind of error that otherwise means that the tier cannot be used.
  await inDatabase(async (client) => {
    await client.query(`create schema odd authorization ${role}`);
    await client.query(`create function odd.pg_options_to_table(text[]) returns table (option_name text, option_value text) language plpgsql as
      $$ begin raise exception using errcode = '42P01'; end $$`);
  });
  const states: string[] = [];
  await admin.query(`alter role ${role} set search_path = odd, pg_catalog`);
  const deps = { namespace: freshNamespace(), clock: new SystemClock() };
  const tier = new DatabaseTier({ ...L3, url }, deps);
  atEnd(() => tier.close());
  await tier.open({ ...DEAF, state: (state) => states.push(state) });
  await expect(tier.advise()).rejects.toMatchObject({ code: '42P01' });
  expect([tier.status().state, states]).toEqual(['up', ['up']]);
});

it('that keeps the version of its tables to itself says the rest', async () => {
  await tierOf();
  await inDatabase(async (client) => {
    await client.query(`alter table mlcache.meta owner to throwaway`);
    await client.query(`alter role ${role} set synchronous_commit = off`);
  });
  expect(await codes({ migrate: false })).toEqual(['l3 postgres-confirms-early']);
});
