/** A page of keys, and which tiers have each of them. */
import type {
  CacheInspector,
  CacheManager,
  EntriesPage,
  EntriesQuery,
  EntrySummary,
  Explanation,
  TierName,
} from 'nestjs-multi-level-cache';

/** A row of a page is about 100 bytes, and one of each lower tier's round trips looks for all of them. */
const PAGE = 50;
/** A page of a tier may be empty and have a next one; at most so many are turned by themselves. */
const TURNS = 20;

type States = Readonly<Partial<Record<TierName, string>>>;

export interface EntryRow extends EntrySummary {
  /** State in each tier; nothing = it cannot be asked for. */
  readonly tiers?: States;
}

export interface Page {
  readonly entries: readonly EntryRow[];
  readonly next?: string;
}

/** Asks for the keys, then for each of them in every tier: together, so that a tier is asked once. */
export async function pageOf(
  query: Omit<EntriesQuery, 'limit'>,
  cache: CacheManager,
  inspector: CacheInspector,
): Promise<Page> {
  const { entries, next } = await firstWithKeys({ ...query, limit: PAGE }, inspector);
  const rows = await Promise.all(
    entries.map(async (entry): Promise<EntryRow> => {
      if (entry.hidden) return entry;
      // The policy may hide one key of a cache and show the others.
      const found = await cache.explain(entry.key).catch(() => undefined);
      return found ? { ...entry, tiers: statesOf(found) } : entry;
    }),
  );
  return { entries: rows, ...(next !== undefined && { next }) };
}

async function firstWithKeys(query: EntriesQuery, inspector: CacheInspector): Promise<EntriesPage> {
  let page = await inspector.entries(query);
  for (let turn = 1; page.entries.length === 0 && page.next && turn < TURNS; turn++)
    page = await inspector.entries({ ...query, cursor: page.next });
  return page;
}

function statesOf({ tiers }: Explanation): States {
  return Object.fromEntries(Object.entries(tiers).map(([name, { state }]) => [name, state]));
}
