/** One process of the application: the production cache on a clock of its own, with ways of its own to the shared stores. */
import { createSecretKey } from 'node:crypto';
import type { Pool } from 'pg';
import type {
  RedisClientLike,
  ResolvedOptions,
} from '../../libs/multi-level-cache/src/core/options.js';
import type { Placement, Skip } from '../../libs/multi-level-cache/src/core/placement.js';
import { TypeOrmTransactions } from '../../libs/multi-level-cache/src/integrations/transactions/typeorm-transactions.js';
import {
  createCache,
  type CacheRoot,
} from '../../libs/multi-level-cache/src/manager/create-cache.js';
import { GcmMessageSeal } from '../../libs/multi-level-cache/src/security/message-seal.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { MemoryTier } from '../../libs/multi-level-cache/src/tiers/memory/memory-tier.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { L3 } from '../support/options.js';
import type { DatabaseServer, SimulatedPool } from './database-client.js';
import { SimulatedListener } from './database-listener.js';
import type { RedisServer, SimulatedClient } from './redis-client.js';
import { ProcessClock, type Schedule } from './schedule.js';
import type { Setting } from './setting.js';
import type { Way } from './way.js';

/** Longer than a lease whose owner is gone. */
export const HARD_TIMEOUT = 5_000;

const SECRET = createSecretKey(Buffer.alloc(32, 1));

export interface Servers {
  readonly redis: RedisServer;
  readonly database: DatabaseServer;
}

export class Instance {
  readonly cache: CacheRoot;
  readonly clock: ProcessClock;
  readonly clients: SimulatedClient[] = [];
  pool: SimulatedPool | undefined;
  listener: SimulatedListener | undefined;
  readonly ways: Readonly<Record<keyof Servers, Way>> = {
    redis: { closed: false, slow: 1 },
    database: { closed: false, slow: 1 },
  };
  alive = true;
  /** From now on entries stay out of lower tiers, and those are passed over, at random. */
  picky = false;
  /** When it last changed something. */
  wroteAt = 0;
  /** Writes under guard that have not ended. */
  mutating = 0;
  /** Sealed messages and debts that it did not believe. */
  refused = 0;
  /** Calls that have not ended. */
  running = 0;
  readonly #stoodIn = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly schedule: Schedule,
    readonly servers: Servers,
    setting: Setting,
  ) {
    const { random } = schedule;
    this.clock = new ProcessClock(schedule, schedule.between(0, 900_000));
    const seal = setting.sealed ? new GcmMessageSeal('sim', SECRET) : undefined;
    const onRefused = (): void => void this.refused++;
    const deps = { namespace: 'sim', clock: this.clock, random, seal, onRefused };
    const l1 = {
      maxEntries: 1_000,
      maxSize: 1_000_000,
      ttl: undefined,
      keepStale: false,
      isolation: undefined,
    };
    const l2 = setting.l2 && { client: this.#redis(), budget: 20 };
    const l3 = setting.l3 && { ...L3, budget: 50, migrate: false };
    const options = {
      namespace: 'sim',
      l1,
      l2,
      l3,
      warming: false,
      placement: this.#placement(),
      defaults: lifeOf(setting),
    } as ResolvedOptions;
    const tiers = {
      l1: new MemoryTier(l1, this.clock),
      l2: l2 && new RedisTier(l2, deps),
      l3:
        l3 &&
        new DatabaseTier(l3, {
          ...deps,
          pool: () => this.#database(),
          client: () =>
            (this.listener = new SimulatedListener(servers.database, this.ways.database)),
        }),
    };
    this.cache = createCache(
      options,
      { l1: tiers.l1, l2: tiers.l2 || null, l3: tiers.l3 || null },
      this.clock,
      (all) => new TypeOrmTransactions(all),
      random,
    );
    if (setting.rich)
      this.cache.on('stale', ({ key }) => void this.#stoodIn.set(key, schedule.now));
    void this.cache.open();
  }

  track(work: Promise<void>): void {
    this.running++;
    void work.finally(() => this.running--);
  }

  /** Whether a stale value has just been handed out for a key. */
  stoodIn(key: string): boolean {
    return this.#stoodIn.get(key) === this.schedule.now;
  }

  /** Some of its connections break. */
  cut(store: keyof Servers, share: number): void {
    if (store === 'database') {
      this.pool?.cut(share);
      if (this.schedule.random() < share) this.listener?.break();
    }
    if (store === 'redis')
      for (const client of this.clients) if (this.schedule.random() < share) client.cut();
  }

  /** Alone cut off from one store. */
  part(store: keyof Servers): void {
    this.ways[store].closed = true;
    this.cut(store, 1);
  }

  rejoin(store: keyof Servers): void {
    this.ways[store].closed = false;
  }

  /** Its way to one store is so many times longer for a while. */
  slow(store: keyof Servers, times: number, ms: number): void {
    this.ways[store].slow = times;
    this.schedule.after(ms, () => (this.ways[store].slow = 1));
  }

  crash(): void {
    this.alive = false;
    this.clock.stop();
    for (const client of this.clients) client.disconnect();
    void this.pool?.end();
    void this.listener?.end();
  }

  #placement(): Placement {
    const skip = (): Skip | undefined =>
      this.picky && this.schedule.random() < 0.5 ? { reason: 'picky' } : undefined;
    return { skipsRead: skip, skipsFill: skip, skipsPromotion: skip };
  }

  #redis(): RedisClientLike {
    return clientTo(this.servers.redis, this.ways.redis, (made) => this.clients.push(made));
  }

  #database(): Pool {
    this.pool = this.servers.database.pool(this.ways.database);
    return this.pool as unknown as Pool;
  }
}

/** As an application would give it: tiers connect as it does. */
export function clientTo(
  server: RedisServer,
  way: Way,
  onMade: (client: SimulatedClient) => void = () => undefined,
): RedisClientLike {
  const client = {
    isCluster: false,
    options: {},
    duplicate: ({ connectionName }: { connectionName?: string }) => {
      const made = server.client(connectionName, way);
      onMade(made);
      return made;
    },
  };
  return client;
}

function lifeOf({ ttl, grace, refreshAhead }: Setting): ResolvedOptions['defaults'] {
  return {
    ttl,
    grace,
    refreshAhead,
    hardTimeout: HARD_TIMEOUT,
    partitionTtl: 5_000,
    timeout: undefined,
    negativeTtl: undefined,
    jitter: 0,
  };
}
