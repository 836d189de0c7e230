/** All pages of a tier, one after the other, as an operator turns them. */
import type {
  CacheInspector,
  EntriesQuery,
  EntrySummary,
} from '../../libs/multi-level-cache/src/index.js';

const MOST_PAGES = 10_000;

/** Every entry that the pages show, in their order. */
export async function listAll(
  inspector: CacheInspector,
  query: EntriesQuery,
): Promise<EntrySummary[]> {
  const all: EntrySummary[] = [];
  let { cursor } = query;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { entries, next } = await inspector.entries({ ...query, cursor });
    if (entries.length > (query.limit ?? 50))
      throw new Error('a page is longer than was asked for');
    all.push(...entries);
    if (next === undefined) return all;
    cursor = next;
  }
  throw new Error('there is no last page');
}

/** Their keys, sorted; one that is listed twice is here twice. */
export async function keysOf(inspector: CacheInspector, query: EntriesQuery): Promise<string[]> {
  return (await listAll(inspector, query)).map(({ key }) => key).sort();
}
