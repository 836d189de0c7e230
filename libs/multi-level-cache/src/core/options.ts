/** What an application may configure, and what the parts get once it has been checked and completed. No checking here. */
import type { Duration } from './duration.js';
import type { Size } from './size.js';

/** Options of the in-memory tier. */
export interface L1Config {
  /** @defaultValue 10_000 */
  readonly maxEntries?: number;
  /** Rough bytes on the heap. @defaultValue `'64mb'` */
  readonly maxSize?: Size;
  /** Cap on how long a value stays fresh here. @defaultValue `'1m'` where a lower tier is on, else none */
  readonly ttl?: Duration;
  /** @defaultValue `'lru'` */
  readonly eviction?: 'lru';
  /** @defaultValue `'freeze'` */
  readonly isolation?: 'freeze';
}

/** Options of the Redis tier: `url`, or `host` and `port`. */
export interface L2Config {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  /** Number of the logical database. @defaultValue 0 */
  readonly db?: number;
  /** TLS settings for Node's `tls.connect`, or `true`. */
  readonly tls?: boolean | Readonly<Record<string, unknown>>;
  /** Cap on how long a value stays fresh here. @defaultValue none */
  readonly ttl?: Duration;
  /** Longest time one read or fill may add to a call. @defaultValue 20 */
  readonly budget?: Duration;
}

/** Options of the PostgreSQL tier: `url`, or a TypeORM `dataSource` whose connection settings are used. */
export interface L3Config {
  readonly url?: string;
  readonly dataSource?: DataSourceLike;
  /** Connections of the tier's own pool. @defaultValue 4 */
  readonly poolSize?: number;
  /** @defaultValue `'mlcache'` */
  readonly schema?: string;
  /** @defaultValue `'entry'` */
  readonly table?: string;
  /** Create and update the tables at boot. @defaultValue true */
  readonly migrate?: boolean;
  /** Cap on how long a value stays fresh here. @defaultValue none */
  readonly ttl?: Duration;
  /** Longest time one read or fill may add to a call. @defaultValue 50 */
  readonly budget?: Duration;
}

/** The part of a TypeORM DataSource that is looked at. */
export interface DataSourceLike {
  readonly options: { readonly type: string };
}

/** What holds for every call that does not say otherwise. */
export interface DefaultsConfig {
  /** @defaultValue `'5m'` */
  readonly ttl?: Duration;
  /** @defaultValue `'1h'` */
  readonly grace?: Duration;
  /** @defaultValue `'30s'` */
  readonly hardTimeout?: Duration;
  /** Longest age of L1 entries while Redis cannot be heard. @defaultValue `'30s'` */
  readonly partitionTtl?: Duration;
  /** Not built yet: 0 only. */
  readonly jitter?: 0;
  /** Not built yet: 0 only. */
  readonly refreshAhead?: 0;
}

/**
 * Options of `MultiLevelCacheModule.forRoot`.
 *
 * @example
 * const options: CacheModuleOptions = {
 *   namespace: 'shop',
 *   l2: { url: 'redis://cache.internal:6379' },
 *   l3: { url: 'postgres://cache@db.internal/shop' },
 *   defaults: { ttl: '10m' },
 * };
 */
export interface CacheModuleOptions {
  /** Name of the application in the shared stores: `[A-Za-z0-9._-]{1,64}`. */
  readonly namespace: string;
  /** @defaultValue on */
  readonly l1?: false | L1Config;
  /** @defaultValue `false` */
  readonly l2?: false | L2Config;
  /** @defaultValue `false` */
  readonly l3?: false | L3Config;
  readonly defaults?: DefaultsConfig;
  /** Not built yet: `'resilient'` only. */
  readonly profile?: 'resilient';
  /** Not built yet: `'eventual'` only. */
  readonly consistency?: 'eventual';
  /** Not built yet: `false` only. */
  readonly warming?: false;
  /** Not built yet: `false` only. */
  readonly security?: false;
  /** Not built yet: `false` only. */
  readonly telemetry?: false;
  /** Not built yet: `false` only. */
  readonly placement?: false;
}

/** Checked L1 options; times in ms, sizes in bytes. */
export interface L1Options {
  readonly maxEntries: number;
  readonly maxSize: number;
  readonly ttl?: number | undefined;
  /** Whether stale entries are held for their grace: only where no lower tier holds them. */
  readonly keepStale: boolean;
}

/** Checked L2 options; times in ms. */
export interface L2Options {
  readonly url?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number | undefined;
  readonly tls?: boolean | Readonly<Record<string, unknown>> | undefined;
  readonly ttl?: number | undefined;
  readonly budget: number;
}

/** Checked L3 options; times in ms. */
export interface L3Options {
  readonly url?: string | undefined;
  readonly dataSource?: DataSourceLike | undefined;
  readonly poolSize: number;
  readonly schema: string;
  readonly table: string;
  readonly migrate: boolean;
  readonly ttl?: number | undefined;
  readonly budget: number;
}

/** Everything the parts need, complete and checked. */
export interface ResolvedOptions {
  readonly namespace: string;
  readonly l1: false | L1Options;
  readonly l2: false | L2Options;
  readonly l3: false | L3Options;
  readonly defaults: {
    readonly ttl: number;
    readonly grace: number;
    readonly hardTimeout: number;
    readonly partitionTtl: number;
  };
}
