/** What an application may configure, and what the parts get once it has been checked and completed. No checking here. */
import type { KeyObject } from 'node:crypto';
import type { Duration } from './duration.js';
import type { Isolation } from './entry.js';
import type { Consistency, EntryDefaults } from './entry-options.js';
import type { Placement } from './placement.js';
import type { Predictor } from './predictor.js';
import type { TierName } from './tier.js';
import type { SecurityConfig, SecurityOptions } from './security-options.js';
import type { Size } from './size.js';

/** Options of the in-memory tier. */
export interface L1Config {
  /** @defaultValue 10_000 */
  readonly maxEntries?: number;
  /** Rough bytes on the heap. A value above an eighth of it is kept in the tiers below only. @defaultValue `'64mb'` */
  readonly maxSize?: Size;
  /** Cap on how long a value stays fresh here. @defaultValue `'1m'` where a lower tier is on, else none */
  readonly ttl?: Duration;
  /**
   * What goes where memory is full. `'s3-fifo'`: what was asked for once, before what was asked for again; a hit moves nothing.
   * `'lru'`: what was not asked for longest. Choose that where what is new is asked for again at once, and soon no more.
   * @defaultValue `'s3-fifo'`
   */
  readonly eviction?: 'lru' | 's3-fifo';
  /**
   * How callers are kept from changing what others get: plain data is frozen and shared, or everybody gets a copy
   * (`'clone'`), or everybody gets the same object and may change it for all (`'share'`). @defaultValue `'freeze'`
   */
  readonly isolation?: Isolation;
}

/** One Redis server. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** A name and a password, as they are now. */
export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

/** The part of an ioredis `Redis` or `Cluster` that is looked at. */
export interface RedisClientLike {
  readonly isCluster: boolean;
  duplicate(...args: never[]): unknown;
}

/** Options of the Redis tier: one of `url`, `host`, `sentinels` with `name`, `cluster`, `client`. */
export interface L2Config {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  /** Sentinels of a master called `name`. */
  readonly sentinels?: readonly RedisNode[];
  readonly name?: string;
  /** Some nodes of a Redis Cluster; the others are found by themselves. */
  readonly cluster?: readonly RedisNode[];
  /** An ioredis client of the application's: its settings are used for connections of our own. */
  readonly client?: RedisClientLike;
  /** Asked before the first and after every lost connection, for credentials that rotate. */
  readonly credentials?: () => RedisCredentials | Promise<RedisCredentials>;
  /**
   * After a failover, trust what the promoted replica holds (`'warm'`), or begin with an empty L2 (`'cold'`), which also
   * covers a delete that only the lost master knew. @defaultValue `'warm'`
   */
  readonly failover?: 'warm' | 'cold';
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
  /** Connections of the tier's own pool; where L1 is on, one more listens to what others change. @defaultValue 4 */
  readonly poolSize?: number;
  /** @defaultValue `'mlcache'` */
  readonly schema?: string;
  /** @defaultValue `'entry'` */
  readonly table?: string;
  /** Create and update the tables at boot. @defaultValue true */
  readonly migrate?: boolean;
  /** Faster writes, and a crash of the server empties the table. @defaultValue false */
  readonly unlogged?: boolean;
  /**
   * For a pooler that lends connections by transaction, such as PgBouncer. Nobody can listen through one: without Redis, L1
   * follows what others change with `l1.ttl` only.
   * @defaultValue false
   */
  readonly poolerMode?: boolean;
  /**
   * Every statement says for which tenants it runs, and the server shows it no other rows: for tables that the SQL of
   * `rowSecurity()` has prepared, with `migrate: false`. Where they are not, or the user is exempted, L3 is not used.
   * @defaultValue false
   */
  readonly rowSecurity?: boolean;
  /**
   * Names of keys are kept in the rows, and an index over them, so that `CacheInspector` can list them; of what was stored before
   * nothing is listed. Needs the tables of version 5. Without it rows have hashes alone. @defaultValue false
   */
  readonly listable?: boolean;
  /** Beyond this the rows that are soonest to die go first; an estimate. @defaultValue `'1gb'` */
  readonly maxSize?: Size;
  /** No row is kept longer than this, fresh and grace together. @defaultValue `'30d'` */
  readonly maxAge?: Duration;
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
  /** Longest age of L1 entries while Redis, or PostgreSQL where that is the only shared tier, cannot be heard. @defaultValue `'30s'` */
  readonly partitionTtl?: Duration;
  /** After this wait a stale value stands in while the load goes on. @defaultValue off */
  readonly timeout?: Duration;
  /** `ttl` of `null`. @defaultValue `ttl` */
  readonly negativeTtl?: Duration;
  /** Up to this share of `ttl` is cut off at random, so that entries do not end together. @defaultValue 0.1 */
  readonly jitter?: number;
  /** Share of `ttl` after which a hit reloads in the background; 0 = off. @defaultValue 0 */
  readonly refreshAhead?: number;
  /** How far calls see what other instances did. @defaultValue the application's `consistency` */
  readonly consistency?: Consistency;
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
  /**
   * A set of defaults. `'resilient'`: ttl 5m, grace 1h. `'economy'`: ttl 1h, grace 1d, for origins that are dear to ask.
   * `'strict'`, where an old value is worse than an error: no grace, hardTimeout 10s, partitionTtl 0, consistency `'strong'`; and
   * a decorated method whose instance has no cache throws instead of running without one. @defaultValue `'resilient'`
   */
  readonly profile?: 'resilient' | 'strict' | 'economy';
  /**
   * Groups of keys for `invalidatePattern` beside the first segment: with `'user:profile'`, `'user:profile:*'` removes
   * `user:profile:1` and leaves `user:1`. @defaultValue none
   */
  readonly groups?: readonly string[];
  /**
   * What holds for all calls and caches that do not say otherwise. `'local'` here means that no instance tells or hears
   * anything. @defaultValue `'eventual'`
   */
  readonly consistency?: Consistency;
  /**
   * Keep what is hot in memory, also over a restart: the keys asked for most are remembered (names and counts, no values),
   * read from the lower tiers many at once, and loaded by `@CacheLoader` methods where no tier has them. @defaultValue `false`
   */
  readonly warming?: false | WarmingConfig;
  /** Tenants that cannot meet. @defaultValue `false`: nobody names a tenant */
  readonly security?: false | SecurityConfig;
  /** Not built yet: `false` only. */
  readonly telemetry?: false;
  /**
   * Which tiers entries are stored in, and whether L3 is asked before a loader: as the library decides, everything everywhere
   * (`false`), or as a `Placement` of your own says. @defaultValue the library's
   */
  readonly placement?: false | Placement;
}

/** Options of the warming job. */
export interface WarmingConfig {
  /** How often the job runs. @defaultValue `'1m'` */
  readonly interval?: Duration;
  /** Warm what was hot before the restart as soon as the application runs. @defaultValue true */
  readonly onBoot?: boolean;
  /** How many of the hottest keys are kept warm. @defaultValue 1_000 */
  readonly keys?: number;
  /** How many loaders one round may run at most; what lower tiers have is not counted. @defaultValue 100 */
  readonly budget?: number;
  /**
   * Loads that warming may spend for each miss it could have saved, 0 … 1. Raise it when the loader has capacity to spare.
   * @defaultValue 0.5
   */
  readonly share?: number;
  /**
   * Loads of a round under way at a time. Raise it to a tenth of the connections that loaders share. @defaultValue 1
   */
  readonly concurrency?: number;
  /** Says how likely keys are to be asked for. @defaultValue one that learns while the application runs */
  readonly predictor?: Predictor;
}

/** Checked warming options; times in ms. */
export interface WarmingOptions {
  readonly interval: number;
  readonly onBoot: boolean;
  readonly keys: number;
  readonly budget: number;
  readonly share: number;
  readonly concurrency: number;
  readonly predictor?: Predictor | undefined;
}

/** Checked L1 options; times in ms, sizes in bytes. */
export interface L1Options {
  readonly maxEntries: number;
  readonly maxSize: number;
  readonly ttl?: number | undefined;
  /** How callers are kept from changing what others get. @defaultValue `'freeze'` */
  readonly isolation?: Isolation | undefined;
  /** What goes where it is full. @defaultValue `'s3-fifo'` */
  readonly eviction?: L1Config['eviction'] | undefined;
  /** Whether stale entries are held for their grace: only where no lower tier holds them. */
  readonly keepStale: boolean;
  /** How much of it one tenant may hold, 0 … 1. */
  readonly tenantShare?: number | undefined;
}

/** Checked L2 options; times in ms. */
export interface L2Options {
  readonly url?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly sentinels?: readonly RedisNode[] | undefined;
  readonly name?: string | undefined;
  readonly cluster?: readonly RedisNode[] | undefined;
  readonly client?: RedisClientLike | undefined;
  readonly credentials?: (() => RedisCredentials | Promise<RedisCredentials>) | undefined;
  readonly failover?: 'warm' | 'cold' | undefined;
  /** Nobody tells others of its changes, and nobody listens. */
  readonly quiet?: boolean | undefined;
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
  readonly unlogged: boolean;
  readonly poolerMode: boolean;
  readonly rowSecurity?: boolean | undefined;
  /** Names of keys are kept in the rows. */
  readonly listable?: boolean | undefined;
  readonly maxSize: number;
  readonly maxAge: number;
  /** Rough bytes that one tenant may hold. */
  readonly tenantSize?: number | undefined;
  readonly ttl?: number | undefined;
  readonly budget: number;
  /** Nobody tells others of its changes, and nobody listens. */
  readonly quiet?: boolean | undefined;
}

/** Everything the parts need, complete and checked. */
export interface ResolvedOptions {
  readonly namespace: string;
  readonly l1: false | L1Options;
  readonly l2: false | L2Options;
  readonly l3: false | L3Options;
  readonly defaults: EntryDefaults & { readonly partitionTtl: number };
  /** Key groups beside the first segment of keys. */
  readonly groups?: readonly string[];
  readonly warming: false | WarmingOptions;
  readonly placement?: false | Placement | undefined;
  readonly security?: SecurityOptions;
  /** What `security.hideKeys` has given. */
  readonly nameSecret?: KeyObject | undefined;
  /** A decorated method must have a cache. */
  readonly strict?: boolean;
}

/** Options of one named cache, as `MultiLevelCacheModule.forFeature` takes them. */
export interface FeatureConfig {
  /** `[A-Za-z0-9._-]{1,64}`; `cache.namespace(name)` is the same cache. */
  readonly name: string;
  /** This cache does not use the tier. */
  readonly l1?: false;
  readonly l2?: false;
  readonly l3?: false;
  /** What holds for its calls; left out is as the application's `defaults` say. */
  readonly defaults?: Omit<DefaultsConfig, 'partitionTtl'>;
}

/** What one named cache does otherwise than the others. */
export interface CacheSettings {
  readonly defaults: EntryDefaults;
  /** The tiers it uses, where not all. */
  readonly tiers?: readonly TierName[];
}
