/** The tags of a query: of every table it reads, or of one row where it can give no other. */
import type { DataSource, EntityMetadata } from 'typeorm';
import { hash } from 'node:crypto';
import { textFault } from '../../core/key.js';
import { rowsTag, rowTag, tableTag } from './tags.js';
import { Tables } from './tables.js';

/** `SELECT … FROM "city" "City" … WHERE … LIMIT 1`, as TypeORM spells it for PostgreSQL. */
const SELECT =
  /^SELECT .+? FROM ((?:"[^"]+"\.)*"[^"]+") "([^"]+)"(?: .*?)? WHERE (.+?)(?: ORDER BY [^()]+?)?(?: LIMIT \d+)?$/s;
const TERM = /^"([^"]+)"\."([^"]+)" (?:= \$(\d+)|IS NULL)$/;

/** Tags of everything that was read; `pinned` gives the tag of the only row of a table that can be in the result. */
export function readTags(
  dataSource: DataSource,
  sql: string,
  pinned: (metadata: EntityMetadata) => string | undefined,
): string[] {
  return Tables.of(dataSource)
    .in(sql)
    .flatMap(({ metadata, times }) => {
      // A table that is there twice is read for other rows as well.
      const row = times === 1 ? pinned(metadata) : undefined;
      return row === undefined ? [tableTag(metadata)] : [row, rowsTag(metadata)];
    });
}

/** Tags of a query of which only its text is known. */
export function queryTags(
  dataSource: DataSource,
  sql: string,
  parameters: readonly unknown[],
): string[] {
  const pin = pinOf(sql);
  return readTags(dataSource, sql, (metadata) => {
    if (!pin || dataSource.driver.escape(metadata.tableName) !== pin.table) return undefined;
    return rowTag(
      metadata,
      ({ databaseName }) => parameters[(pin.places.get(databaseName) ?? 0) - 1],
    );
  });
}

/** The tag of an `id` of TypeORM's `cache` option. */
export function idTag(id: string): string {
  const tag = `queryId:${id}`;
  return textFault(tag) === undefined ? tag : `queryId:~${hash('sha256', id, 'base64url')}`;
}

/** Where a query fixes columns of its main table, if its condition is nothing but `column = $n AND …`. */
function pinOf(sql: string): { table: string; places: ReadonlyMap<string, number> } | undefined {
  const found = SELECT.exec(sql);
  if (!found) return undefined;
  const [, path, alias, where] = found;
  const places = new Map<string, number>();
  // Nothing but equalities and AND is left, so parentheses mean nothing.
  for (const part of where.replace(/[()]/g, '').split(' AND ')) {
    const term = TERM.exec(part.trim());
    if (!term) return undefined;
    const [, owner, column, place] = term;
    if (owner === alias && place !== undefined) places.set(column, Number(place));
  }
  return { table: path.slice(path.lastIndexOf('.') + 1), places };
}
