/** The tables of this tier, step by step; run by whoever boots first, under a lock. */
import type { ClientBase } from 'pg';
import type { L3Options } from '../../core/options.js';
import { names, quote } from './sql.js';

/** Any number, as long as every version of the library locks the same. */
export const LOCK = 7_246_190_133;

/** Where the tables are. */
export type Place = Pick<L3Options, 'schema' | 'table' | 'unlogged'>;
/** Runs a statement in the transaction that is to have all of them. */
export type Run = (text: string, values?: unknown[]) => Promise<readonly unknown[]>;

interface Step {
  readonly up: (place: Place) => string;
  /** Undoes it for this table; what it shares with other tables of the schema stays. */
  readonly down: (place: Place) => readonly string[];
  /** Undoes the rest, when no other table needs it any more. */
  readonly downShared: (place: Place) => readonly string[];
}

/** Only ever appended to: an installed version runs what comes after it. */
const STEPS: readonly Step[] = [
  {
    up: ({ schema, table, unlogged }) => {
      const n = names(schema, table);
      return `
        create sequence if not exists ${n.ver};
        create ${unlogged ? 'unlogged ' : ''}table ${n.entry} (
          tenant text collate "C" not null check (tenant <> ''),
          key_hash bytea not null check (length(key_hash) = 16),
          value bytea,
          ver bigint not null,
          seen bigint not null,
          tl text not null,
          tags text[] not null,
          created_at timestamptz not null,
          expires_at timestamptz not null,
          stale_until timestamptz not null,
          expiry_bucket int not null,
          primary key (tenant, key_hash)
        ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
        alter table ${n.entry} alter column value set storage external;
        create index on ${n.entry} (expiry_bucket);
        create table if not exists ${n.tag} (
          tenant text collate "C" not null,
          tag text collate "C" not null,
          hard bigint not null,
          bumped_at timestamptz not null,
          primary key (tenant, tag)
        ) with (fillfactor = 80);`;
    },
    down: ({ schema, table }) => [`drop table ${names(schema, table).entry}`],
    downShared: ({ schema, table }) => {
      const { tag, ver } = names(schema, table);
      return [`drop table ${tag}`, `drop sequence ${ver}`];
    },
  },
  {
    up: ({ schema, table }) =>
      `alter table ${names(schema, table).tag} add column if not exists soft bigint not null default 0;`,
    down: () => [],
    downShared: ({ schema, table }) => [`alter table ${names(schema, table).tag} drop column soft`],
  },
  {
    up: ({ schema, table }) => {
      const { entry, outbox } = names(schema, table);
      return `
        alter table ${entry} add column if not exists guards text[];
        create table if not exists ${outbox} (
          id text collate "C" primary key,
          app text collate "C" not null,
          seq bigint generated always as identity,
          type text not null,
          payload text not null,
          whole boolean not null,
          due_at timestamptz not null
        );
        create index if not exists outbox_app_seq on ${outbox} (app, seq);`;
    },
    down: ({ schema, table }) => [`alter table ${names(schema, table).entry} drop column guards`],
    downShared: ({ schema, table }) => [`drop table ${names(schema, table).outbox}`],
  },
  {
    up: ({ schema, table }) => `
        create table if not exists ${names(schema, table).tenantKey} (
          app text collate "C" not null,
          tenant text collate "C" not null,
          record text not null,
          changed_at timestamptz not null default clock_timestamp(),
          primary key (app, tenant)
        );`,
    down: () => [],
    downShared: ({ schema, table }) => [`drop table ${names(schema, table).tenantKey}`],
  },
  {
    // Rows without a name take no room in the index.
    up: ({ schema, table }) => `
        alter table ${names(schema, table).entry} add column if not exists name text collate "C";
        create index on ${names(schema, table).entry} (tenant, name) where name is not null;`,
    down: ({ schema, table }) => [`alter table ${names(schema, table).entry} drop column name`],
    downShared: () => [],
  },
];

export const SCHEMA_VERSION = STEPS.length;

/**
 * Brings the tables up to date, in one transaction: processes that boot together wait for each other at its lock, and a
 * pooler that lends connections by transaction is no hindrance.
 */
export async function migrate(client: ClientBase, options: L3Options): Promise<void> {
  const run: Run = async (text, values) => (await client.query(text, values)).rows;
  await client.query('begin');
  try {
    await client.query('set local statement_timeout = 0');
    await upgrade(run, options, SCHEMA_VERSION);
    await persist(run, options);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Brings the tables to this version, unless they are there already. */
export async function upgrade(run: Run, place: Place, to: number): Promise<void> {
  const { schema } = place;
  await run('select pg_advisory_xact_lock($1)', [LOCK]);
  const found = await run('select 1 from pg_namespace where nspname = $1', [schema]);
  // Also `create schema if not exists` asks for a permission that the tables themselves do not need.
  if (found.length === 0) await run(`create schema ${quote(schema)}`);
  const [{ there }] = (await run('select to_regclass($1) is not null as there', [
    meta(place),
  ])) as readonly { readonly there: boolean }[];
  // Nothing is written where nothing is missing: the server may be read-only.
  if (!there)
    await run(`create table ${meta(place)} (name text primary key, version int not null)`);
  const from = await installed(run, place);
  for (const { up } of STEPS.slice(from, to)) await run(up(place));
  if (from < to) await remember(run, place, to);
}

/** Brings the tables back to this version; 0 = there are none. */
export async function downgrade(run: Run, place: Place, to: number): Promise<void> {
  await run('select pg_advisory_xact_lock($1)', [LOCK]);
  const from = await installed(run, place);
  const others = await installedOfOthers(run, place);
  for (let version = from; version > to; version--) {
    const { down, downShared } = STEPS[version - 1];
    const statements = others < version ? [...down(place), ...downShared(place)] : down(place);
    for (const statement of statements) await run(statement);
  }
  if (from > to) await remember(run, place, to);
}

/** Whether the table survives a crash is as the options say, also where it was made otherwise. */
async function persist(run: Run, { schema, table, unlogged }: Place): Promise<void> {
  const { entry } = names(schema, table);
  const [found] = (await run(
    'select relpersistence as kind from pg_class where oid = $1::regclass',
    [entry],
  )) as readonly { readonly kind: string }[];
  if ((found?.kind === 'u') !== unlogged)
    await run(`alter table ${entry} set ${unlogged ? 'unlogged' : 'logged'}`);
}

/** Asks for the version of the table $1. */
export const versionOf = (place: Place): string =>
  `select version from ${meta(place)} where name = $1`;

async function installed(run: Run, place: Place): Promise<number> {
  const [found] = (await run(versionOf(place), [place.table])) as readonly {
    readonly version: number;
  }[];
  return found?.version ?? 0;
}

/** The highest version of another table in the schema: tags, outbox and numbers are theirs as well. */
async function installedOfOthers(run: Run, place: Place): Promise<number> {
  const [{ version }] = (await run(
    `select coalesce(max(version), 0) as version from ${meta(place)} where name <> $1`,
    [place.table],
  )) as readonly { readonly version: number }[];
  return version;
}

async function remember(run: Run, place: Place, version: number): Promise<void> {
  await run(
    `insert into ${meta(place)} values ($1, $2) on conflict (name) do update set version = excluded.version`,
    [place.table, version],
  );
}

function meta({ schema }: Place): string {
  return `${quote(schema)}.meta`;
}
