/** The tags that reads of a table carry and writes invalidate. */
import type { EntityMetadata, ObjectLiteral, Repository } from 'typeorm';
import { encodeSegment, textFault } from '../../core/key.js';

/** TypeORM does not export it. */
export type ColumnMetadata = EntityMetadata['primaryColumns'][number];

const INTEGERS = new Set(['int', 'integer', 'int2', 'int4', 'int8', 'smallint', 'bigint']);
const TEXTS = new Set(['text', 'varchar', 'character varying']);
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Carried by what was read from a table and is not pinned to one row; any write to the table invalidates it. */
export function tableTag({ tablePath }: EntityMetadata): string {
  return `table:${tablePath}`;
}

/** Carried by what is pinned to one row; writes that do not say which rows they change invalidate it. */
export function rowsTag({ tablePath }: EntityMetadata): string {
  return `rows:${tablePath}`;
}

/** Carried by what is pinned to that row; `undefined` where the primary key is not all there, or has more than one spelling. */
export function rowTag(
  metadata: EntityMetadata,
  valueOf: (column: ColumnMetadata) => unknown,
): string | undefined {
  const parts = metadata.primaryColumns.map((column) => spell(column, valueOf(column)));
  if (parts.length === 0 || parts.includes(undefined)) return undefined;
  const tag = `row:${metadata.tablePath}:${parts.join(',')}`;
  return textFault(tag) === undefined ? tag : undefined;
}

/**
 * The tags to invalidate after a write that TypeORM does not tell of: raw SQL, `clear()`, cascades of the database, another
 * program. Without rows, or where one has no full primary key, everything that was read from the table.
 *
 * @example
 * await dataSource.query('update city set population = population * 2');
 * await cache.invalidateTags(tagsOf(cities));
 */
export function tagsOf<E extends ObjectLiteral>(
  repository: Repository<E>,
  rows?: readonly Partial<E>[],
): string[] {
  const { metadata } = repository;
  const named = rows?.map((row) =>
    rowTag(metadata, (column) => column.getEntityValue(row) as unknown),
  );
  return named && !named.includes(undefined)
    ? [tableTag(metadata), ...(named as string[])]
    : [tableTag(metadata), rowsTag(metadata)];
}

/** One spelling for all values that the database takes for the same. */
function spell(column: ColumnMetadata, value: unknown): string | undefined {
  const { dataSource } = column.entityMetadata;
  if (column.transformer || value === null || value === undefined) return undefined;
  const type = dataSource.driver.normalizeType(column);
  if (INTEGERS.has(type)) {
    const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
    return typeof text === 'string' && /^-?(?:0|[1-9]\d*)$/.test(text) ? text : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (type === 'uuid') return UUID.test(value) ? value.toLowerCase() : undefined;
  // Elsewhere, and with a collation of its own, 'a' and 'A' may be the same key.
  const exact =
    ['postgres', 'cockroachdb'].includes(dataSource.options.type) && column.collation === undefined;
  return exact && TEXTS.has(type) ? encodeSegment(value) : undefined;
}
