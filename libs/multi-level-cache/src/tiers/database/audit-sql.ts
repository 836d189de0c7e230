/** Statements and tables of the audit log: rows are only ever added, and go by one function, chain by chain. */
import { AUDIT_FIELDS, CHECKPOINT_FIELDS } from '../../core/audit.js';
import { quote } from './sql.js';

/** Rows that one call of the function removes, about. */
export const PRUNE_ROWS = 10_000;
const NUMBERS: Readonly<Record<string, string>> = {
  v: 'smallint',
  ts: 'timestamptz',
  at: 'timestamptz',
  seq: 'bigint',
  count: 'bigint',
  closed: 'boolean',
};
const TIMES = new Set<string>(['ts', 'at']);
const OPTIONAL = new Set<string>([
  'reason',
  'tenantId',
  'subjectHash',
  'action',
  'cache',
  'keyHmac',
  'tags',
  'tier',
  'requestId',
  'traceId',
]);

export interface AuditStatements {
  readonly schema: string;
  readonly tables: string;
  /** Whether schema and tables are there. */
  readonly there: string;
  readonly insert: string;
  readonly checkpoint: string;
  readonly prune: string;
  /** Chains that were alive since a time. */
  readonly chains: string;
  /** From a chain and a number on, so many; of some chains, or of all. */
  readonly records: string;
  readonly checkpoints: string;
}

/** With the tables in this schema. */
export function auditStatements(schema: string): AuditStatements {
  const [records, checkpoints, refuse, prune] = [
    'audit',
    'audit_checkpoint',
    'audit_refuse',
    'audit_prune',
  ].map((name) => `${quote(schema)}.${quote(name)}`);
  return {
    schema: `create schema ${quote(schema)};`,
    tables: tables({ records, checkpoints, refuse, prune }),
    there: `select to_regclass('${checkpoints}') is not null as tables,
      exists (select 1 from pg_namespace where nspname = '${schema.replaceAll("'", "''")}') as schema`,
    insert: insertInto(records, AUDIT_FIELDS),
    checkpoint: insertInto(checkpoints, CHECKPOINT_FIELDS),
    prune: `select ${prune}($1::timestamptz, ${PRUNE_ROWS}) as removed`,
    chains: `select chain_id as id from ${records} where ts >= $1 union select chain_id from ${checkpoints} where ts >= $1`,
    records: `select ${AUDIT_FIELDS.map(shown).join(', ')} from ${records}
      where (chain_id, seq) > ($1, $2::bigint) and ($4::text[] is null or chain_id = any($4))
      order by chain_id, seq limit $3`,
    checkpoints: `select ${CHECKPOINT_FIELDS.map(shown).join(', ')} from ${checkpoints}
      where (chain_id, seq, at) > ($1, $2::bigint, $3::timestamptz) order by chain_id, seq, at limit $4`,
  };
}

/** One list per column; what is there already stays as it is. Without a named conflict it needs no permission to read. */
function insertInto(table: string, fields: readonly string[]): string {
  const lists = fields.map((field, at) => `$${at + 1}::${typeOf(field)}[]`);
  return `insert into ${table} (${fields.map(column).join(', ')}) select * from unnest(${lists.join(', ')}) on conflict do nothing`;
}

/** In ms with all digits: a time that was changed by less than a millisecond has been changed. */
function shown(field: string): string {
  const as = `as ${quote(field)}`;
  return TIMES.has(field)
    ? `extract(epoch from ${column(field)}) * 1000 ${as}`
    : `${column(field)} ${as}`;
}

function column(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function typeOf(field: string): string {
  return NUMBERS[field] ?? 'text';
}

function columnsOf(fields: readonly string[]): string {
  return fields
    .map((field) => {
      const collation = NUMBERS[field] ? '' : ' collate "C"';
      return `${column(field)} ${typeOf(field)}${collation}${OPTIONAL.has(field) ? '' : ' not null'}`;
    })
    .join(',\n  ');
}

interface Names {
  readonly records: string;
  readonly checkpoints: string;
  readonly refuse: string;
  readonly prune: string;
}

/**
 * The trigger stands in the way of accidents also where the application owns the tables; against the application itself only
 * grants help, of inserting and nothing else. The setting that opens it is set within the function alone.
 */
function tables({ records, checkpoints, refuse, prune }: Names): string {
  return `create table ${records} (
  ${columnsOf(AUDIT_FIELDS)},
  primary key (chain_id, seq)
);
create index on ${records} using brin (ts);
create table ${checkpoints} (
  ${columnsOf(CHECKPOINT_FIELDS)},
  primary key (chain_id, seq, at)
);
create function ${refuse}() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('mlcache.audit_prune', true) = 'on' then return null; end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on ${records}
  for each statement execute function ${refuse}();
create trigger append_only before update or delete or truncate on ${checkpoints}
  for each statement execute function ${refuse}();
create function ${prune}(before timestamptz, most int) returns bigint language plpgsql security definer
  set search_path = pg_catalog, pg_temp set mlcache.audit_prune = 'on' as $$
declare
  chain text;
  removed bigint := 0;
  part bigint;
begin
  if before > clock_timestamp() - interval '1 day' then
    raise exception 'the audit log is kept for a day at least' using errcode = 'insufficient_privilege';
  end if;
  for chain in
    select c.chain_id from ${checkpoints} c group by c.chain_id having max(c.at) < before
  loop
    delete from ${records} where chain_id = chain and seq in
      (select r.seq from ${records} r where r.chain_id = chain order by r.seq limit most - removed);
    get diagnostics part = row_count;
    removed := removed + part;
    exit when removed >= most;
    delete from ${checkpoints} where chain_id = chain;
  end loop;
  return removed;
end $$;
revoke all on function ${prune}(timestamptz, int) from public;
`;
}
