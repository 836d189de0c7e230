/** Every statement of this tier. Each is one round trip and its own transaction; none runs on an application's connection. */
import { MAX_ENVELOPE_BYTES } from '../../core/envelope.js';

/** Names of the tables, quoted. */
export interface Names {
  readonly entry: string;
  readonly tag: string;
  readonly outbox: string;
  /** Wrapped secrets of tenants. */
  readonly tenantKey: string;
  readonly ver: string;
}

export interface Statements {
  readonly state: string;
  readonly read: string;
  readonly fill: string;
  readonly set: string;
  readonly remove: string;
  readonly guard: string;
  readonly expire: string;
  readonly touch: string;
  readonly bump: string;
  readonly owe: string;
  readonly oweOnCommit: string;
  readonly debts: string;
  readonly claim: string;
  readonly strike: string;
  readonly reseal: string;
  readonly list: string;
  readonly tagNumbers: string;
  readonly measure: string;
  readonly measureTenant: string;
  readonly evictOf: string;
  readonly evict: string;
  readonly sweepEntries: string;
  readonly sweepTags: string;
  /** The same, which also announce what they have done: with two parameters more, the channel and the messages. */
  readonly announced: Readonly<Record<Announced, string>>;
}

export type Announced = 'set' | 'remove' | 'guard' | 'expire' | 'touch' | 'bump' | 'owe';

/** A delete is remembered this long: longer than any load that began before it. */
export const TOMBSTONE_MS = 600_000;
/** A tag record may go when every entry that was older than it is gone; entries live 30 days at most. */
const TAG_DAYS = 31;
/** `expiry_bucket` is an hour, so that a refill seldom touches the index. */
const BUCKET = (time: string): string => `floor(extract(epoch from ${time}) / 3600)::int`;
/** As a float from the start: `extract` reckons with decimals, at many times the cost. */
const SPAN = (span: string): string => `date_part('epoch', ${span}) * 1000`;
/** Bytes of a row beside its value. */
const ROW_BYTES = 140;
/** What a row that is being written is read as: no fill can name it. */
export const GUARDED_VERSION = -2;
/** What a fence writes as `seen`: a loaded row has a version there. */
const FENCE = -1;
/**
 * An expired row is a fence under a new version, but its tags are judged by the one it had: a value that a tag has removed does
 * not come back as a stale one. The old version is kept in `seen`, below the mark of a fence.
 */
const EXPIRED = (row: string): string =>
  `case when ${row}.seen < ${FENCE} then ${row}.seen else ${FENCE} - 1 - ${row}.ver end`;
const JUDGED_BEFORE = (row: string): string =>
  `case when ${row}.seen < ${FENCE} then ${FENCE} - 1 - ${row}.seen end`;
const JUDGED_BY = (row: string): string => `coalesce(${JUDGED_BEFORE(row)}, ${row}.ver)`;
/** Separates tags in one text; no tag holds a control character but our own marks. */
export const SEPARATOR = '\u001f';
const FROM_NOW = (ms: string): string => `clock_timestamp() + ${ms} * interval '1 millisecond'`;

const NOW_MS = `date_part('epoch', clock_timestamp()) * 1000`;

/** A row that fences older loads off outlives them, however soon its value dies. */
const FENCED_BUCKET = (stale: string): string =>
  `greatest(${BUCKET(stale)}, ${BUCKET(FROM_NOW(String(TOMBSTONE_MS)))} + 1)`;

/** A list in one text: cheaper to write and to read than an array's own spelling. */
const LIST = (parameter: string): string => `string_to_array(${parameter}::text, '${SEPARATOR}')`;

const START = '(extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint::text';
const SYSTEM = '(select system_identifier from pg_control_system())::text';

/**
 * Whether this connection may write into the outbox called $1, and which database that is in. Runs on an application's connection
 * as well, where no error may come of it.
 */
export const REACHES_OUTBOX = `
  select coalesce(has_table_privilege(to_regclass($1), 'insert'), false) and not exists (
      select from pg_class c where c.oid = to_regclass($1) and row_security_active(c.oid) and not exists (
        select from pg_policy p where p.polrelid = c.oid and p.polcmd in ('*', 'a')
          and exists (select from unnest(p.polroles) r where r = 0 or pg_has_role(r, 'usage')))) as reached,
    ${SYSTEM} || ' ' || (select oid from pg_database where datname = current_database()) as database`;

/** Neither changes while a connection lives: asked for once on each, and kept in its session. */
export const REMEMBER_SERVER = `select set_config('mlcache.start', ${START}, false), set_config('mlcache.system', ${SYSTEM}, false)`;

/**
 * Last number given out, start of the server and timeline. A number seen before a restart may have been lost in it, so a
 * ticket is bound to the start; rows of another timeline were written by another history.
 */
const stateOf = ({ ver }: Names, inSession: boolean): string => `
  select (select case when is_called then last_value else 0 end from ${ver})::text as last,
    ${inSession ? "current_setting('mlcache.start')" : START} as inc,
    ${inSession ? "current_setting('mlcache.system')" : SYSTEM} || left(pg_walfile_name(pg_current_wal_lsn()), 8) as tl`;

const OWN_GUARD = `$3::text || '|' || (${NOW_MS} + $4::float8)`;
/** Somebody is writing this row: a guard is its id and when it ends, in ms of the server's time. */
const GUARDED = `(e.guards is not null and exists (
  select from unnest(e.guards) g where split_part(g, '|', 2)::float8 > ${NOW_MS}))`;

/**
 * Announces in the statement's own transaction: nothing is told that is not done, and nothing done untold. What nobody selects
 * of is not run, but for what changes rows, which runs in any case.
 */
const announcing = (statement: string, parameters: number, returned = ''): string => `
      with done as (${statement}${returned ? '' : ' returning 1'}),
      told as materialized (
        select count(pg_notify($${parameters + 1}::text, w.message)) from unnest($${parameters + 2}::text[]) as w(message)
        where exists (select from done))
      select ${returned ? `${returned} from done cross join told` : 'from told'}`;

/** Tombstones of $1 tenants and $2 hashes, up to their `on conflict`. */
const TOMBSTONES = (n: Names, state: string, guards = 'null'): string => `
      s as (${state}), v as (select nextval('${n.ver}') as ver)
      insert into ${n.entry} as e (tenant, key_hash, value, ver, seen, tl, tags, created_at, expires_at, stale_until, expiry_bucket, guards)
      select w.tenant, w.key_hash, null, v.ver, ${FENCE}, s.tl, '{}', clock_timestamp(), clock_timestamp(),
        ${FROM_NOW(String(TOMBSTONE_MS))}, ${FENCED_BUCKET('clock_timestamp()')}, ${guards}
      from unnest($1::text[], $2::bytea[]) as w(tenant, key_hash) cross join s cross join v
      order by w.tenant, w.key_hash`;

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function names(schema: string, table: string): Names {
  const prefix = quote(schema);
  return {
    entry: `${prefix}.${quote(table)}`,
    tag: `${prefix}.tag`,
    outbox: `${prefix}.outbox`,
    tenantKey: `${prefix}.tenant_key`,
    ver: `${prefix}.ver`,
  };
}

/**
 * @param inSession - connections are ours for as long as they live, and remember their server.
 * @param named - `fill` and `set` have a parameter more, the names of the keys, or null.
 */
export function statements(n: Names, inSession: boolean, named = false): Statements {
  const state = stateOf(n, inSession);
  const name = (text: string): string => (named ? text : '');
  const setParameters = named ? 9 : 8;
  // Always a new number: who holds a ticket of the row as it is must not fill it.
  const LATER = `case when e.ver < excluded.ver then excluded.ver else nextval('${n.ver}') end`;
  const base: Omit<Statements, 'announced'> = {
    state,
    // $1 tenants, $2 key hashes, $3 and $4 tenants and implicit tags of these keys, each pair once; all separated. A row for the
    // store, what it knows as JSON, then one for each key that is there: in one text its place, its version, its times, the version
    // it was expired at, its own tags and their highest numbers, for a column more costs more than a text that is taken apart. The
    // value of another timeline is none; one that nobody here has written, for it is too large, comes as an empty one. All times are
    // those of one moment, after the question came in, in whole ms, and never longer than they are.
    read: `
      with s as materialized (${state})
      select json_build_object('last', s.last, 'inc', s.inc, 'tl', s.tl, 'bumps', (
          select json_agg(json_build_array(t.tenant, t.tag, t.hard, t.soft))
          from unnest(${LIST('$3')}, ${LIST('$4')}) as k(tenant, tag) join ${n.tag} t using (tenant, tag)))::text as said,
        null::bytea as value
      from s
      union all
      select concat_ws('${SEPARATOR}', w.at, case when ${GUARDED} then ${GUARDED_VERSION} else e.ver end,
        ceil(${SPAN('statement_timestamp() - e.created_at')})::bigint, floor(${SPAN('e.expires_at - statement_timestamp()')})::bigint,
        floor(${SPAN('e.stale_until - statement_timestamp()')})::bigint, coalesce((${JUDGED_BEFORE('e')})::text, ''),
        case when cardinality(e.tags) = 0 then '${SEPARATOR}' else array_to_json(e.tags)::text || '${SEPARATOR}' || (
          select json_build_array(max(t.hard), max(t.soft))::text from ${n.tag} t where t.tenant = e.tenant and t.tag = any(e.tags)) end),
        case when e.tl = (select tl from s) then case when octet_length(e.value) <= ${MAX_ENVELOPE_BYTES} then e.value
          when e.value is not null then '' end end
      from unnest(${LIST('$1')}, ${LIST('$2')}::bytea[]) with ordinality as w(tenant, key_hash, at)
      join ${n.entry} e on e.tenant = w.tenant and e.key_hash = w.key_hash`,
    // $1 tenants, $2 hashes, $3 implicit tags, $4 values, $5 n0, $6 seen, $7 inc, $8 tl, $9 tags as JSON, $10 age, $11 fresh,
    // $12 stale, $13 whether the ticket was taken without a read of the row: then it does not know of a guard. A row is replaced only if it is still the one the loader's ticket was taken at.
    fill: `
      insert into ${n.entry} as e (tenant, key_hash, value, ver, seen, tl, tags, created_at, expires_at, stale_until, expiry_bucket${name(', name')})
      select f.tenant, f.key_hash, f.value, f.n0, f.seen, s.tl, g.tags,
        ${FROM_NOW('-f.age')}, ${FROM_NOW('f.fresh')}, ${FROM_NOW('f.stale')}, ${BUCKET(FROM_NOW('f.stale'))}${name(', f.name')}
      from unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
          $9::text[], $10::float8[], $11::float8[], $12::float8[], $13::boolean[]${name(', $14::text[]')})
        as f(tenant, key_hash, implied, value, n0, seen, inc, tl, tags, age, fresh, stale, blind${name(', name')})
      cross join lateral (select array(select jsonb_array_elements_text(f.tags::jsonb)) as tags) g
      cross join (${state}) s
      cross join (select set_config('synchronous_commit', 'off', true)) as c
      where f.inc = s.inc and f.tl = s.tl and not (f.blind and exists (
          select from ${n.entry} b where b.tenant = f.tenant and b.key_hash = f.key_hash and b.guards is not null))
        and not exists (
        select from ${n.tag} t where t.tenant = f.tenant and t.tag = any(g.tags || string_to_array(f.implied, '${SEPARATOR}')) and t.hard > f.n0)
      order by f.tenant, f.key_hash
      on conflict (tenant, key_hash) do update set value = excluded.value, ver = excluded.ver, seen = excluded.seen,
        tl = excluded.tl, tags = excluded.tags, created_at = excluded.created_at, expires_at = excluded.expires_at,
        stale_until = excluded.stale_until, expiry_bucket = excluded.expiry_bucket${name(', name = excluded.name')}
      where e.ver <= excluded.seen
      returning tenant, key_hash`,
    // $1 tenants, $2 hashes, $3 values, $4 tags as JSON, $5 age, $6 fresh, $7 stale, $8 the last number known when
    // it was sent: a statement that the server takes late does not overwrite what came after its sender gave up
    set: `
      with s as (${state}), v as (select nextval('${n.ver}') as ver)
      insert into ${n.entry} as e (tenant, key_hash, value, ver, seen, tl, tags, created_at, expires_at, stale_until, expiry_bucket${name(', name')})
      select f.tenant, f.key_hash, f.value, v.ver, ${FENCE}, s.tl, array(select jsonb_array_elements_text(f.tags::jsonb)),
        ${FROM_NOW('-f.age')}, ${FROM_NOW('f.fresh')}, ${FROM_NOW('f.stale')}, ${FENCED_BUCKET(FROM_NOW('f.stale'))}${name(', f.name')}
      from unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::float8[], $6::float8[], $7::float8[]${name(', $9::text[]')})
        as f(tenant, key_hash, value, tags, age, fresh, stale${name(', name')}) cross join s cross join v
      order by f.tenant, f.key_hash
      on conflict (tenant, key_hash) do update set value = excluded.value, ver = excluded.ver, seen = ${FENCE},
        tl = excluded.tl, tags = excluded.tags, created_at = excluded.created_at, expires_at = excluded.expires_at,
        stale_until = excluded.stale_until, expiry_bucket = excluded.expiry_bucket${name(', name = excluded.name')}
      where e.ver <= $8::bigint or e.tl <> excluded.tl
      returning key_hash`,
    // $1 tenants, $2 hashes: tombstones, which refuse every fill whose ticket is older. Also over a later number: what came
    // between, an `expire` for one, may have left the value
    remove: `
      with ${TOMBSTONES(n, state)}
      on conflict (tenant, key_hash) do update set value = null, ver = ${LATER}, seen = ${FENCE},
        tl = excluded.tl, tags = '{}', created_at = excluded.created_at, expires_at = excluded.expires_at,
        stale_until = excluded.stale_until, expiry_bucket = excluded.expiry_bucket`,
    // $1 tenants, $2 hashes, $3 id, $4 ms or 0 to end it: tombstones that refuse every fill until then, whatever its ticket
    guard: `
      with ${TOMBSTONES(n, state, `case when $4::float8 > 0 then array[${OWN_GUARD}] end`)}
      on conflict (tenant, key_hash) do update set value = null, ver = ${LATER}, seen = ${FENCE},
        tl = excluded.tl, tags = '{}', created_at = excluded.created_at, expires_at = excluded.expires_at,
        stale_until = excluded.stale_until, expiry_bucket = excluded.expiry_bucket,
        guards = (
          select array_agg(g) from (
            select g from unnest(e.guards) g where split_part(g, '|', 2)::float8 > ${NOW_MS} and split_part(g, '|', 1) <> $3
            union all
            select ${OWN_GUARD} where $4::float8 > 0) all_guards)`,
    // $1 tenants, $2 hashes: stale since ever, whatever becomes of the server's clock, and a fence like a tombstone; a
    // tombstone where there is nothing
    expire: `
      with ${TOMBSTONES(n, state)}
      on conflict (tenant, key_hash) do update set ver = excluded.ver, seen = ${EXPIRED('e')},
        expires_at = least(e.expires_at, 'epoch'::timestamptz),
        stale_until = case when e.value is null then excluded.stale_until
          else least(e.stale_until, excluded.expires_at + greatest(e.stale_until - e.expires_at, interval '0')) end,
        expiry_bucket = greatest(e.expiry_bucket, excluded.expiry_bucket)
      where e.ver <= excluded.ver or e.tl <> excluded.tl`,
    // $1 tenant, $2 hash, $3 ms. The version stays: a load that began before may replace what it lengthens
    touch: `
      update ${n.entry} e set expires_at = ${FROM_NOW('$3::float8')},
        stale_until = ${FROM_NOW('$3::float8')} + (e.stale_until - e.expires_at),
        expiry_bucket = greatest(e.expiry_bucket, ${BUCKET(`${FROM_NOW('$3::float8')} + (e.stale_until - e.expires_at)`)})
      from (${state}) s
      where e.tenant = $1 and e.key_hash = $2 and e.value is not null and e.expires_at > clock_timestamp() and e.tl = s.tl`,
    // $1 tenant, $2 tags, $3 soft
    bump: `
      with v as (select nextval('${n.ver}') as ver)
      insert into ${n.tag} as t (tenant, tag, hard, soft, bumped_at)
      select $1, w.tag, case when $3::boolean then 0 else v.ver end, case when $3::boolean then v.ver else 0 end,
        clock_timestamp() from unnest($2::text[]) as w(tag) cross join v
      order by w.tag
      on conflict (tenant, tag) do update set hard = greatest(t.hard, excluded.hard), soft = greatest(t.soft, excluded.soft),
        bumped_at = excluded.bumped_at`,
    // $1 id, $2 application, $3 type, $4 payload, $5 ms until it is due, or null: L3 has taken it already
    owe: `
      insert into ${n.outbox} (id, app, type, payload, whole, due_at)
      values ($1, $2, $3, $4, $5::float8 is not null, ${FROM_NOW('coalesce($5::float8, 0)')})
      on conflict (id) do update set due_at = excluded.due_at`,
    // The same for a transaction of the application's, on its connection: where it comes to nothing, so does this
    oweOnCommit: `
      insert into ${n.outbox} (id, app, type, payload, whole, due_at)
      values ($1, $2, $3, $4, true, ${FROM_NOW('$5::float8')})`,
    // $1 application, $2 rows at most
    debts: `
      select id, type, payload from ${n.outbox}
      where app = $1 and not whole and due_at <= clock_timestamp() order by seq limit $2`,
    // $1 application, $2 rows at most, $3 ms until others may have them. Never by number: a lower one may be committed later
    claim: `
      with c as (
        select id, seq from ${n.outbox}
        where app = $1 and whole and due_at <= clock_timestamp() order by seq limit $2 for update skip locked),
      o as (
        update ${n.outbox} o set due_at = ${FROM_NOW('$3::float8')} from c where o.id = c.id
        returning o.id, o.type, o.payload, c.seq)
      select id, type, payload from o order by seq`,
    // $1 application, $2 ids
    strike: `delete from ${n.outbox} where app = $1 and id = any($2::text[])`,
    // $1 tenant, $2 hash, $3 the value that was read, $4 the same sealed by another key
    reseal: `update ${n.entry} set value = $4 where tenant = $1 and key_hash = $2 and value = $3`,
    // $1 tenant, $2 how names begin, $3 behind which one, $4 before which one, $5 rows at most: also those that are no entries any
    // more, so that the work is bounded. By the index over names alone, whatever the planner takes the table for
    list: `
      with s as materialized (${state}), p as materialized (
        select name, key_hash, octet_length(value) as bytes, ver, seen, tl, tags, expires_at, stale_until from ${n.entry}
        where tenant = $1 and name >= $2 and name > $3 and name < $4 order by tenant, name limit $5)
      select p.name, p.key_hash as hash, (${JUDGED_BY('p')})::text as n0, p.bytes,
        p.bytes is not null and p.tl = s.tl as there, ${SPAN('p.expires_at - statement_timestamp()')} as fresh,
        ${SPAN('p.stale_until - statement_timestamp()')} as stale, own.hard::text, own.soft::text
      from p cross join s cross join lateral (
        select max(t.hard) as hard, max(t.soft) as soft from ${n.tag} t where t.tenant = $1 and t.tag = any(p.tags)) own
      order by p.name`,
    // $1 tenant, $2 tags; separated
    tagNumbers: `
      select t.tag, t.hard::text, t.soft::text from ${n.tag} t where t.tenant = $1 and t.tag = any(${LIST('$2')})`,
    // $1 percent of the table's pages to look at: exact sums cost more than the answer is worth
    measure: `
      select count(*)::float8 as rows, coalesce(sum(coalesce(octet_length(value), 0) + ${ROW_BYTES}), 0)::float8 as bytes
      from ${n.entry} tablesample system ($1::float4)`,
    // $1 tenant
    measureTenant: `
      select count(*)::float8 as rows, coalesce(sum(coalesce(octet_length(value), 0) + ${ROW_BYTES}), 0)::float8 as bytes
      from ${n.entry} where tenant = $1`,
    // $1 rows at most, $2 tenant
    evictOf: `
      delete from ${n.entry} e using (
        select tenant, key_hash from ${n.entry}
        where tenant = $2 and value is not null and (seen >= 0 or created_at < clock_timestamp() - interval '${TOMBSTONE_MS} milliseconds')
        order by expiry_bucket limit $1 for update skip locked) d
      where e.tenant = d.tenant and e.key_hash = d.key_hash
      returning (octet_length(e.value) + ${ROW_BYTES})::float8 as bytes`,
    // $1 rows at most: the soonest to die go first; what fences younger loads stays
    evict: `
      delete from ${n.entry} e using (
        select tenant, key_hash from ${n.entry}
        where value is not null and (seen >= 0 or created_at < clock_timestamp() - interval '${TOMBSTONE_MS} milliseconds')
        order by expiry_bucket limit $1 for update skip locked) d
      where e.tenant = d.tenant and e.key_hash = d.key_hash
      returning (octet_length(e.value) + ${ROW_BYTES})::float8 as bytes`,
    // $1 rows at most. The time of the statement, which stands still, so that the index finds them
    sweepEntries: `
      delete from ${n.entry} e using (
        select tenant, key_hash from ${n.entry}
        where expiry_bucket <= ${BUCKET('statement_timestamp()')} and stale_until < statement_timestamp()
        limit $1 for update skip locked) d
      where e.tenant = d.tenant and e.key_hash = d.key_hash
      returning 1`,
    sweepTags: `
      delete from ${n.tag} t using (
        select tenant, tag from ${n.tag} where bumped_at < clock_timestamp() - interval '${TAG_DAYS} days'
        limit $1 for update skip locked) d
      where t.tenant = d.tenant and t.tag = d.tag`,
  };
  return {
    ...base,
    announced: {
      set: announcing(base.set, setParameters, 'key_hash'),
      remove: announcing(base.remove, 2),
      guard: announcing(base.guard, 4),
      expire: announcing(base.expire, 2),
      touch: announcing(base.touch, 3),
      bump: announcing(base.bump, 3),
      owe: announcing(base.owe, 5),
    },
  };
}
