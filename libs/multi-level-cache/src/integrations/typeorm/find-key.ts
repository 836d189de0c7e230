/** Find options as plain data, so that equal ones spell the same key. */
import { FindOperator, type DataSource, type EntityMetadata } from 'typeorm';
import { isPlain } from '../../core/value.js';
import { defaultKey } from '../../nest/default-key.js';
import { placeOf } from './query-key.js';
import type { QueryRunner } from 'typeorm';

/**
 * @throws CacheError `CACHE_KEY_INVALID` where the options hold something without a canonical form, such as the function of `Raw`
 */
export function findKey(
  verb: string,
  metadata: EntityMetadata,
  runner: QueryRunner | undefined,
  options: object,
): string {
  const { dataSource } = metadata;
  const place = placeOf(dataSource, runner);
  return defaultKey(`${metadata.name}:${verb}`, [place, plain(options, dataSource)]);
}

function plain(value: unknown, dataSource: DataSource): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof FindOperator) {
    const { child, getSql, objectLiteralParameters, type } = value as FindOperator<unknown>;
    const inner = child ?? (value.value as unknown);
    const parts = [getSql, objectLiteralParameters, inner].map((part) => plain(part, dataSource));
    // A member that no column has.
    return { '\u0000operator': type, parts };
  }
  if (Array.isArray(value)) return value.map((member: unknown) => plain(member, dataSource));
  if (isPlain(value)) {
    const members = Object.entries(value).map(([name, member]) => [
      name,
      plain(member, dataSource),
    ]);
    return Object.fromEntries(members) as unknown;
  }
  // An entity stands for its primary key.
  const { constructor } = value;
  if (!dataSource.hasMetadata(constructor)) return value;
  return dataSource.getMetadata(constructor).getEntityIdMap(value);
}
