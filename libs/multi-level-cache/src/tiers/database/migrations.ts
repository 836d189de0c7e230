/** The tables of this tier, step by step; run by whoever boots first, under a lock. */
import type { ClientBase } from 'pg';
import type { L3Options } from '../../core/options.js';
import { names, quote } from './sql.js';

/** Any number, as long as every version of the library locks the same. */
const LOCK = 7_246_190_133;

type Step = (schema: string, table: string, unlogged: boolean) => string;

/** Only ever appended to: an installed version runs what comes after it. */
const STEPS: readonly Step[] = [
  (schema, table, unlogged) => {
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
  (schema, table) =>
    `alter table ${names(schema, table).tag} add column if not exists soft bigint not null default 0;`,
  (schema, table) => {
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
];

export const SCHEMA_VERSION = STEPS.length;

/**
 * Brings the tables up to date, in one transaction: processes that boot together wait for each other at its lock, and a
 * pooler that lends connections by transaction is no hindrance.
 */
export async function migrate(client: ClientBase, options: L3Options): Promise<void> {
  const { schema, table, unlogged } = options;
  await client.query('begin');
  try {
    await client.query('set local statement_timeout = 0');
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    const found = await client.query('select from pg_namespace where nspname = $1', [schema]);
    // Also `create schema if not exists` asks for a permission that the tables themselves do not need.
    if (found.rowCount === 0) await client.query(`create schema ${quote(schema)}`);
    const meta = `${quote(schema)}.meta`;
    await client.query(
      `create table if not exists ${meta} (name text primary key, version int not null)`,
    );
    const version = await installed(client, meta, table);
    for (const step of STEPS.slice(version)) await client.query(step(schema, table, unlogged));
    if (version < SCHEMA_VERSION)
      await client.query(
        `insert into ${meta} values ($1, $2) on conflict (name) do update set version = excluded.version`,
        [table, SCHEMA_VERSION],
      );
    await persist(client, options);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Whether the table survives a crash is as the options say, also where it was made otherwise. */
async function persist(client: ClientBase, { schema, table, unlogged }: L3Options): Promise<void> {
  const { entry } = names(schema, table);
  const { rows } = await client.query<{ kind: string }>(
    'select relpersistence as kind from pg_class where oid = $1::regclass',
    [entry],
  );
  if ((rows[0]?.kind === 'u') !== unlogged)
    await client.query(`alter table ${entry} set ${unlogged ? 'unlogged' : 'logged'}`);
}

async function installed(client: ClientBase, meta: string, table: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    `select version from ${meta} where name = $1`,
    [table],
  );
  return rows[0]?.version ?? 0;
}
