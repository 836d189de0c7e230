/** L3's tables as migrations of the application's own, for whoever changes a schema in no other way. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Faults, Section } from '../faults.js';
import { readPlace } from '../validate-options.js';
import {
  downgrade,
  SCHEMA_VERSION,
  upgrade,
  type Place,
  type Run,
} from '../../tiers/database/migrations.js';

/** Where the cache keeps its tables; as the options `schema`, `table` and `unlogged` of `l3`. */
export interface CacheMigrationOptions {
  /** @defaultValue `'mlcache'` */
  readonly schema?: string;
  /** @defaultValue `'entry'` */
  readonly table?: string;
  /** @defaultValue false */
  readonly unlogged?: boolean;
}

/** TypeORM runs migrations in the order of the 13 digits at the end of their names. */
const FIRST = 1_764_115_200_000;

/**
 * The tables of L3 as migrations, one for each version of them: for `l3: { dataSource, migrate: false }`, where the application's user
 * may not create tables. A version that is there already, because a process has made it at boot, is left as it is; `down`
 * removes what `up` has made, with all that is cached, but for what another table of the schema needs.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` with every fault of the options
 * @returns classes for the `migrations` of a DataSource
 *
 * @example
 * new DataSource({ type: 'postgres', url, migrations: [...cacheMigrations(), 'dist/migrations/*.js'] });
 */
export function cacheMigrations(
  options: CacheMigrationOptions = {},
): readonly (new () => MigrationInterface)[] {
  const faults = new Faults();
  const section = new Section(faults, options, '');
  const place = readPlace(section);
  section.end();
  faults.throwIfAny('options of cacheMigrations');
  return Array.from({ length: SCHEMA_VERSION }, (_none, before) => migration(place, before));
}

function migration(place: Place, before: number): new () => MigrationInterface {
  return class implements MigrationInterface {
    readonly name = `MultiLevelCache_${place.schema}_${place.table}_${FIRST + before}`;

    up(runner: QueryRunner): Promise<void> {
      return upgrade(on(runner), place, before + 1);
    }

    down(runner: QueryRunner): Promise<void> {
      return downgrade(on(runner), place, before);
    }
  };
}

function on(runner: QueryRunner): Run {
  return (text, values) => runner.query(text, values) as Promise<readonly unknown[]>;
}
