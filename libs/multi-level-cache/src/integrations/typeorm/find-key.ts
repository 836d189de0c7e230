/** Find options as plain data, so that equal ones spell the same key. */
import { FindOperator, type EntityMetadata, type QueryRunner } from 'typeorm';
import { isPlain } from '../../core/value.js';
import { defaultKey } from '../../core/default-key.js';
import { placeOf } from './query-key.js';

/**
 * @throws CacheError `CACHE_KEY_INVALID` where the options hold something without a canonical form, such as the
 * function of `Raw` or an instance of a class
 */
export function findKey(
  verb: string,
  metadata: EntityMetadata,
  runner: QueryRunner | undefined,
  options: object,
): string {
  const place = placeOf(metadata.dataSource, runner);
  return defaultKey(`${metadata.name}:${verb}`, [place, plain(options)]);
}

/** Operators taken apart; what is no plain data stays, and is refused. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof FindOperator) {
    const { child, getSql, objectLiteralParameters, type } = value as FindOperator<unknown>;
    const parts = [getSql, objectLiteralParameters, child ?? (value.value as unknown)];
    // A member that no column has.
    return { '\u0000operator': type, parts: parts.map(plain) };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, plain(member)] as const),
  );
}
