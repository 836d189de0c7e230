/** Keys of one scope in PostgreSQL by pages, along the index over their names. */
import { fromCursor, toCursor } from '../../core/cursor.js';
import { invalid } from '../../core/entry-options.js';
import type { EntriesPage, EntrySummary } from '../../core/inspection.js';
import { encodeSegment, rowHashIn, type Address, type Scope } from '../../core/key.js';
import { endOf, storedName, type StoredName } from '../../core/stored-name.js';
import type { ListQuery } from '../../core/tier.js';
import type { Database } from './pool.js';
import { nameHead, type Rows } from './rows.js';
import { SEPARATOR, type Statements } from './sql.js';

/** Whatever a row may be named: who can write the table must not be able to end a listing. */
const NAME = /^[^\0]{1,2700}$/;

/** One row, also of what is no entry any more. */
interface Row {
  readonly name: string;
  readonly hash: Buffer;
  readonly n0: string;
  readonly bytes: number | null;
  readonly there: boolean | null;
  readonly fresh: number;
  readonly stale: number;
  /** The highest numbers of its own tags. */
  readonly hard: string | null;
  readonly soft: string | null;
}

type Numbers = ReadonlyMap<string, readonly [hard: number, soft: number]>;

/** Two statements at most, neither of which looks at more rows than the page may have. */
export async function listRows(
  database: Database,
  sql: Pick<Statements, 'list' | 'tagNumbers'>,
  rows: Rows,
  scope: Scope,
  { cursor, limit, prefix }: ListQuery,
): Promise<EntriesPage> {
  if (!rows.options.listable)
    throw invalid('tier', 'l3 cannot be listed: its rows name keys where l3.listable is on');
  const head = nameHead(scope);
  const from = `${head}${encodeSegment(prefix)}`;
  const after = cursor === undefined ? '' : `${head}${fromCursor(cursor, 'l3', NAME)[0]}`;
  const tenant = rows.tenant(scope.tenant);
  const values = [tenant, from, after, endOf(from), limit];
  const found = await database.query<Row & Record<string, unknown>>(sql.list, values, {
    tenants: [tenant],
    ordered: true,
  });
  const named = found.flatMap((row) => {
    const stored = nameOf(scope, row, prefix);
    return stored && row.there ? [{ row, stored }] : [];
  });
  const tags = new Set(named.flatMap(({ stored }) => impliedOf(scope, stored.address)));
  const numbers = await numbersOf(database, sql, tenant, tags);
  const entries = named.flatMap(({ row, stored }) => {
    const { hard, soft } = bumpsOf(row, impliedOf(scope, stored.address), numbers);
    const made = hard > Number(row.n0) ? undefined : summaryOf(row, stored, soft);
    return made ?? [];
  });
  const last = found.length < limit ? undefined : found.at(-1);
  return { entries, ...(last ? { next: toCursor('l3', last.name.slice(head.length)) } : {}) };
}

/** Of a hidden key the groups are not known: what their patterns have invalidated is still listed. */
function impliedOf({ clearTags }: Scope, address: Address | undefined): readonly string[] {
  return address?.implied ?? clearTags;
}

/** Nothing is believed of a row that is not seen here. */
function nameOf(scope: Scope, { hash, name }: Row, prefix: string): StoredName | undefined {
  const head = nameHead(scope);
  if (!name.startsWith(head)) return undefined;
  const inHex = hash.toString('hex');
  const stored = storedName(scope, name.slice(head.length), (one) => rowHashIn(one) === inHex);
  // Of a hidden key nobody knows how it begins.
  if (prefix !== '' && !(stored?.address && stored.key.startsWith(prefix))) return undefined;
  return stored;
}

async function numbersOf(
  database: Database,
  { tagNumbers }: Pick<Statements, 'tagNumbers'>,
  tenant: string,
  tags: ReadonlySet<string>,
): Promise<Numbers> {
  if (tags.size === 0) return new Map();
  const values = [tenant, [...tags].join(SEPARATOR)];
  const found = await database.query<{ tag: string; hard: string; soft: string }>(
    tagNumbers,
    values,
    { tenants: [tenant] },
  );
  return new Map(found.map(({ tag, hard, soft }) => [tag, [Number(hard), Number(soft)]]));
}

function bumpsOf(
  row: Row,
  implied: readonly string[],
  numbers: Numbers,
): { readonly hard: number; readonly soft: number } {
  const all = implied.map((tag) => numbers.get(tag) ?? ([0, 0] as const));
  return {
    hard: Math.max(Number(row.hard ?? 0), ...all.map(([hard]) => hard)),
    soft: Math.max(Number(row.soft ?? 0), ...all.map(([, soft]) => soft)),
  };
}

function summaryOf(row: Row, { address, key }: StoredName, soft: number): EntrySummary | undefined {
  const bumped = soft > Number(row.n0);
  // As in a read: where a tag has made it stale, its grace begins now.
  // Of two spans whose difference is none something is left by their being inexact.
  const grace = Math.round(row.stale - row.fresh);
  const fresh = bumped ? Math.min(row.fresh, 0) : row.fresh;
  if (fresh + grace <= 0) return undefined;
  return {
    key,
    ...(address ? {} : { hidden: true }),
    state: fresh > 0 ? 'fresh' : 'stale',
    ttlMs: Math.max(Math.ceil(fresh), 0),
    ...(row.bytes === null ? {} : { bytes: row.bytes }),
  };
}
