/** The key of a cached query: whatever its rows depend on, hashed. */
import { hash } from 'node:crypto';
import type { DataSource, QueryRunner } from 'typeorm';
import { defaultKey } from '../../core/default-key.js';
import { sessionOf } from './session.js';

const places = new WeakMap<DataSource, string>();

/**
 * Stands for the database that is asked, as whom, and with which session settings. The address is not in it: instances that go
 * there by other ways share their entries. The tenant is part of every key anyway.
 */
export function placeOf(dataSource: DataSource, runner?: QueryRunner): string {
  let place = places.get(dataSource);
  if (place === undefined) {
    const { driver, options } = dataSource;
    const { name, username, url } = options as {
      name?: unknown;
      username?: unknown;
      url?: unknown;
    };
    place = digest([name, driver.database, driver.schema, username ?? userIn(url)]);
    // Before `initialize()` not all of it is known.
    if (dataSource.isInitialized) places.set(dataSource, place);
  }
  const session = runner ? sessionOf(runner) : '';
  return session === '' ? place : digest([place, session]);
}

/**
 * @throws CacheError `CACHE_KEY_INVALID` where a parameter has no canonical form
 */
export function queryKey(
  dataSource: DataSource,
  runner: QueryRunner,
  sql: string,
  parameters: readonly unknown[],
): string {
  return `q:${digest([placeOf(dataSource, runner), sql, [...parameters]])}`;
}

function digest(parts: readonly unknown[]): string {
  return hash('sha256', defaultKey('', parts), 'base64url');
}

function userIn(url: unknown): string | undefined {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).username : undefined;
}
