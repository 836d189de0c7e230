/** What would be better otherwise about a PostgreSQL that works: one question, and its answer judged. */
import type { Advice } from '../../core/inspection.js';
import type { L3Options } from '../../core/options.js';
import { SCHEMA_VERSION, versionOf } from './migrations.js';
import type { Database } from './pool.js';
import { names } from './sql.js';

/** What the server says; `null` = it does not know such a thing. */
export interface Answer {
  readonly version: number | null;
  readonly fsync: string | null;
  readonly commits: string | null;
  readonly vacuums: boolean | null;
  readonly superuser: boolean | null;
  /** Connections that its user can have at most. */
  readonly connections: number | null;
  readonly unlogged: boolean | null;
  /** Of the tables; left out where the tier sees to that itself. */
  readonly schema?: number | undefined;
}

type Given = Pick<L3Options, 'poolSize' | 'poolerMode' | 'unlogged'>;

interface Rule {
  readonly code: string;
  readonly says: string;
  readonly applies: (answer: Answer, options: Given) => boolean;
}

const OLDEST = 140_000;
/** Beside the pool each instance listens. */
const LISTENERS = 1;

const RULES: readonly Rule[] = [
  {
    code: 'postgres-old',
    says: 'PostgreSQL before 14 gets no fixes any more: update it',
    applies: ({ version }) => version !== null && version < OLDEST,
  },
  {
    code: 'postgres-superuser',
    says: 'PostgreSQL is used by a superuser, whom nothing keeps from the data of others; give the cache a role of its own',
    applies: ({ superuser }) => superuser === true,
  },
  {
    // Fills ask for an early confirmation by themselves; deletions rely on the server's setting.
    code: 'postgres-confirms-early',
    says: 'PostgreSQL confirms before it is safe on disk (synchronous_commit = off): after a crash what was deleted or owed in its last moments is as before; set it to on for the role of the cache, whose fills are confirmed early in any case',
    applies: ({ commits }) => commits === 'off',
  },
  {
    code: 'postgres-fsync-off',
    says: 'PostgreSQL does not wait for its disk (fsync = off): a crash of its machine can undo what was deleted and damage every table; set fsync to on',
    applies: ({ fsync }) => fsync === 'off',
  },
  {
    code: 'postgres-unlogged',
    says: 'the table of L3 is unlogged, and l3.unlogged is not set: a crash of PostgreSQL empties it; alter it, or set the option',
    applies: ({ unlogged }, given) => unlogged === true && !given.unlogged,
  },
  {
    code: 'postgres-no-autovacuum',
    says: 'PostgreSQL does not vacuum the table of L3 by itself: it grows with every write, whatever l3.maxSize says; switch autovacuum on',
    applies: ({ vacuums }) => vacuums === false,
  },
  {
    // Those of a pooler are not known here.
    code: 'postgres-few-connections',
    says: 'PostgreSQL has not enough connections for two instances, and during a rolling update there are two; lower l3.poolSize, raise max_connections or the limit of the role, or use a pooler (l3.poolerMode)',
    applies: ({ connections }, { poolSize, poolerMode }) =>
      connections !== null && !poolerMode && connections < 2 * (poolSize + LISTENERS),
  },
  {
    code: 'postgres-migrations-pending',
    says: 'the tables of L3 are older than the library: run its migrations, or set l3.migrate',
    applies: ({ schema }) => schema !== undefined && schema < SCHEMA_VERSION,
  },
];

/** An unknown setting is no error anywhere, for there are servers that only speak like PostgreSQL. */
const QUESTION = `
  select current_setting('server_version_num', true)::int as version,
    current_setting('fsync', true) as fsync,
    current_setting('synchronous_commit', true) as commits,
    current_setting('autovacuum', true) = 'on' and current_setting('track_counts', true) = 'on'
      and not exists (select from pg_options_to_table(c.reloptions)
        where option_name = 'autovacuum_enabled' and not option_value::bool) as vacuums,
    r.rolsuper as superuser,
    least(current_setting('max_connections', true)::int - coalesce(current_setting('superuser_reserved_connections', true)::int, 0)
        - coalesce(current_setting('reserved_connections', true)::int, 0),
      nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) as connections,
    c.relpersistence = 'u' as unlogged
  from pg_roles r, pg_database d, pg_class c
  where r.rolname = current_user and d.datname = current_database() and c.oid = to_regclass($1)`;

/**
 * One question, and a second one where somebody else migrates. That the server does not know what it is asked changes nothing.
 *
 * @throws where it could not be asked
 */
export async function askForAdvice(
  database: Database,
  options: L3Options,
): Promise<readonly Advice[]> {
  const { entry } = names(options.schema, options.table);
  const aside = { aside: true };
  const [answer] = await database.query<Answer>(QUESTION, [entry], aside);
  if (!answer) return [];
  return adviceOnPostgres({ ...answer, schema: await schemaOf(database, options) }, options);
}

export function adviceOnPostgres(answer: Answer, options: Given): readonly Advice[] {
  return RULES.filter(({ applies }) => applies(answer, options)).map(({ code, says }) => ({
    about: 'l3',
    code,
    says,
  }));
}

/** A question of its own, and only where somebody else migrates: the record may not be there, or not be for this user. */
async function schemaOf(database: Database, options: L3Options): Promise<number | undefined> {
  if (options.migrate) return undefined;
  const asked = [options.table];
  const [found] = await database
    .query<{ version: number }>(versionOf(options), asked, { aside: true })
    .catch(() => []);
  return found?.version;
}
