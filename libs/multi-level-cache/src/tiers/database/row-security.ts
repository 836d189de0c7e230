/** Row-level security of L3's tables as SQL, to be run by whoever owns them: an application's user reaches the rows of the tenants it names, of its own namespace. Pure. */
import { createHash } from 'node:crypto';
import { CacheError } from '../../core/errors.js';
import { NAME_PATTERN } from '../../core/key.js';
import { TENANTS_SETTING } from './scoped-query.js';
import { names, quote, SEPARATOR, type Names } from './sql.js';
import { upkeepOf } from './walled.js';

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** Room for the suffixes of functions. */
const PLACE = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;

/** For which user of which application. */
export interface RowSecurityOptions {
  /** As in `l3`. @defaultValue `'mlcache'` */
  readonly schema?: string;
  /** As in `l3`. @defaultValue `'entry'` */
  readonly table?: string;
  /** The application's, as in the module's options. */
  readonly namespace: string;
  /** The user that L3 connects as: no superuser, no owner of the tables, without BYPASSRLS. */
  readonly role: string;
  /**
   * Made where it is not there; nobody can log in as it. It removes dead rows and, above `maxSize`, living ones, of all tenants, by
   * four functions that return counts and no values. @defaultValue `'mlcache_upkeep'`
   */
  readonly upkeepRole?: string;
}

/**
 * The statements behind which `l3: { rowSecurity: true, migrate: false }` works, for a superuser to run after the tables have been
 * made; again for every further application, and after an update of the library. Row-level security is enabled and forced. A
 * statement that does not say for whom it runs sees no row and writes none; one that does sees those tenants' alone, whatever its
 * own conditions say. Applications do not see each other's rows.
 *
 * @throws CacheError `CACHE_OPTION_INVALID`
 *
 * @example
 * for (const sql of rowSecurity({ namespace: 'shop', role: 'shop_cache' })) await owner.query(sql);
 */
export function rowSecurity(options: RowSecurityOptions): readonly string[] {
  const { schema = 'mlcache', table = 'entry', namespace, role } = options;
  const { upkeepRole = 'mlcache_upkeep' } = options;
  check('schema', schema, PLACE);
  check('table', table, PLACE);
  check('namespace', namespace, NAME_PATTERN);
  check('role', role, IDENTIFIER);
  check('upkeepRole', upkeepRole, IDENTIFIER);
  const n = names(schema, table);
  const to = quote(role);
  // One name for each user of each application, within the 63 bytes that PostgreSQL keeps of it.
  const own = `mlcache_${createHash('sha256').update(`${namespace} ${role}`).digest('hex').slice(0, 16)}`;
  return [
    `grant usage on schema ${quote(schema)} to ${to}`,
    `grant select on ${quote(schema)}.meta to ${to}`,
    `grant usage, select on sequence ${n.ver} to ${to}`,
    ...[n.entry, n.tag, n.outbox, n.tenantKey].flatMap((on) => forced(on, to)),
    ...policy(own, n.entry, to, ofTenants(namespace)),
    ...policy(own, n.tag, to, ofTenants(namespace)),
    ...policy(own, n.outbox, to, `app = '${namespace}'`),
    ...policy(own, n.tenantKey, to, `app = '${namespace}'`),
    ...upkeep(n, schema, upkeepRole, to),
  ];
}

/**
 * The sub-select is asked for once in a statement, not once for each row. Neither condition is one that an index could be searched
 * by: the statements' own are better, and the planner would take these instead.
 */
function ofTenants(namespace: string): string {
  const prefix = `${namespace}/`;
  const named = `string_to_array(current_setting('${TENANTS_SETTING}', true), '${SEPARATOR}')`;
  return `left(tenant, ${prefix.length}) = '${prefix}' and array_position((select ${named}), tenant) is not null`;
}

function forced(table: string, to: string): string[] {
  return [
    `alter table ${table} enable row level security`,
    `alter table ${table} force row level security`,
    `grant select, insert, update, delete on ${table} to ${to}`,
  ];
}

function policy(name: string, table: string, to: string, condition: string): string[] {
  return [
    `drop policy if exists ${name} on ${table}`,
    `create policy ${name} on ${table} to ${to} using (${condition}) with check (${condition})`,
  ];
}

/** What looks after all rows runs as a role of its own, whoever calls it. */
function upkeep(n: Names, schema: string, upkeepRole: string, to: string): string[] {
  const role = quote(upkeepRole);
  const functions = upkeepOf(n).flatMap(({ name, parameter, returns, body }) => {
    const signature = `${name}(${parameter})`;
    return [
      `create or replace function ${signature} returns ${returns} language sql security definer set search_path = pg_catalog, pg_temp as $mlcache$${body}$mlcache$`,
      `alter function ${signature} owner to ${role}`,
      `revoke all on function ${signature} from public`,
      `grant execute on function ${signature} to ${to}`,
    ];
  });
  return [
    `do $$ begin if not exists (select from pg_roles where rolname = '${upkeepRole}') then create role ${role} nologin; end if; end $$`,
    `grant usage on schema ${quote(schema)} to ${role}`,
    ...[n.entry, n.tag].flatMap((table) => [
      `grant select, update, delete on ${table} to ${role}`,
      ...policy('mlcache_upkeep', table, role, 'true'),
    ]),
    ...functions,
  ];
}

function check(name: string, value: unknown, pattern: RegExp): void {
  if (typeof value === 'string' && pattern.test(value)) return;
  throw new CacheError(
    'CACHE_OPTION_INVALID',
    `${name} must be a name such as the options of l3 take`,
  );
}
