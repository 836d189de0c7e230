/** A key that changes with its row: what is stored under it is right for ever, and nothing has to be invalidated. */
import { EntitySchema, getMetadataArgsStorage, type ObjectLiteral } from 'typeorm';
import { CacheError } from '../../core/errors.js';
import { encodeSegment } from '../../core/key.js';

/** Columns of an entity that a versioned key is made of, by property. */
interface Shape {
  readonly name: string;
  readonly primary: readonly string[];
  /** The version column; else the update date. */
  readonly version: string | undefined;
}

/**
 * The key of what is computed from one row, such as its rendered page: entity, primary key, and the row's version. A row that
 * was changed has another key, so old entries are never asked for again and end with their ttl.
 *
 * The version is the `@VersionColumn`, else the `@UpdateDateColumn` (two changes within one millisecond have the same), or the
 * property `column`. Any write must change it: raw SQL has to do so itself.
 *
 * @throws CacheError `CACHE_OPTION_INVALID` where the entity is unknown or has no such column, `CACHE_KEY_INVALID` where the row
 * lacks a value
 *
 * @example
 * const page = await cache.getOrSet(versionedKey(City, city), () => render(city), { ttl: '1d' });
 */
export function versionedKey<E extends ObjectLiteral>(
  entity: (abstract new (...args: never[]) => E) | EntitySchema<E> | string,
  row: E,
  column?: keyof E & string,
): string {
  const { name, primary, version } = shapeOf(entity);
  const by = column ?? version;
  if (by === undefined)
    throw new CacheError(
      'CACHE_OPTION_INVALID',
      `entity ${name} has no @VersionColumn and no @UpdateDateColumn; name the column that changes with every write`,
    );
  if (primary.length === 0)
    throw new CacheError('CACHE_OPTION_INVALID', `entity ${name} is unknown or has no primary key`);
  const values = [...primary, by].map((property) => spell(name, property, row[property]));
  return [encodeSegment(name), ...values].join(':');
}

function spell(entity: string, property: string, value: unknown): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return String(value.getTime());
  if (['string', 'number', 'bigint'].includes(typeof value)) return encodeSegment(String(value));
  throw new CacheError(
    'CACHE_KEY_INVALID',
    `the row of ${entity} has no ${property}; select it, or name another column`,
  );
}

function shapeOf(entity: unknown): Shape {
  if (entity instanceof EntitySchema) {
    const { columns, name } = (entity as EntitySchema<ObjectLiteral>).options;
    const named = Object.entries(columns).flatMap(([property, column]) =>
      column ? [{ property, ...column }] : [],
    );
    return {
      name,
      primary: named.filter(({ primary }) => primary).map(({ property }) => property),
      version: (named.find((one) => one.version) ?? named.find((one) => one.updateDate))?.property,
    };
  }
  const storage = getMetadataArgsStorage();
  const target =
    typeof entity === 'string'
      ? storage.tables.find(({ target: known }) => nameOf(known) === entity)?.target
      : entity;
  const family: unknown[] = [];
  for (let one: unknown = target; typeof one === 'function'; one = Object.getPrototypeOf(one))
    family.push(one);
  const columns = storage.columns.filter(({ target: owner }) => family.includes(owner));
  const of = (mode: string): string | undefined =>
    columns.find((one) => one.mode === mode)?.propertyName;
  return {
    name: typeof entity === 'string' ? entity : nameOf(entity),
    primary: columns.filter(({ options }) => options.primary).map((one) => one.propertyName),
    version: of('version') ?? of('updateDate'),
  };
}

function nameOf(target: unknown): string {
  return typeof target === 'function' ? target.name : String(target);
}
