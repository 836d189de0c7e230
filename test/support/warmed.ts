/** One application that warms, over servers of its own: keys that are lost and missed again and again, and rounds by hand. */
import { Test } from '@nestjs/testing';
import { expect } from 'vitest';
import { CacheManager, MultiLevelCacheModule } from '../../libs/multi-level-cache/src/index.js';
import type { CacheRoot } from '../../libs/multi-level-cache/src/manager/create-cache.js';
import type { WarmingStats } from '../../libs/multi-level-cache/src/manager/warm-tally.js';
import { kept, later } from './ends.js';
import { freshNamespace, startPostgres, startRedis, type Server } from './servers.js';

/** So few that a round reads L2 too seldom to judge how fast it is: on a busy machine it is slow at times. */
const KEYS = Array.from({ length: 12 }, (_zero, at) => `k:${at}`);
const NEW_KEYS = 10;
/** No round comes by itself. */
const WARMING = { interval: '1h', onBoot: false } as const;
/** So many of them are loaded in a round that is not held back, once warming has its pace. */
const MANY = 10;
/** Within these rounds all is as it was before. */
const MOST_ROUNDS = 20;

/** A process that has nothing else to do. */
const AT_REST = { loopDelayMs: 0, loopUtilisation: 0 };

export class Warmed {
  /** The loaders that warming runs throw. */
  failing = false;
  /**
   * Whether the event loop is measured as it is. Else it is taken to be at rest, for a busy machine would hold warming back, and
   * rightly; all other readings are real in any case.
   */
  realLoop = false;
  #loads = 0;
  #asked = 0;

  static async start(): Promise<Warmed> {
    const [redis, database] = await Promise.all([kept(startRedis()), kept(startPostgres())]);
    const module = await Test.createTestingModule({
      imports: [
        MultiLevelCacheModule.forRoot({
          namespace: freshNamespace(),
          l2: { url: redis.url, budget: '1s' },
          l3: { url: database.url, budget: '1s', poolSize: 1 },
          defaults: { ttl: '2h', jitter: 0 },
          placement: false,
          warming: WARMING,
        }),
      ],
    })
      .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
      .compile();
    await module.init();
    later(() => module.close());
    return new Warmed(module.get<CacheRoot>(CacheManager), redis, database);
  }

  private constructor(
    readonly cache: CacheRoot,
    readonly redis: Server,
    readonly database: Server,
  ) {
    const real = cache.warming.readings!;
    cache.warming.readings = {
      take: (counts) => ({ ...real.take(counts), ...(this.realLoop ? {} : AT_REST) }),
      close: () => real.close(),
    };
    cache.warming.calls.declare('k:{id}', 'default', (_args, key) => ({
      key,
      loader: () => {
        this.#loads++;
        if (this.failing) throw new Error('the origin is down');
        return 'warmed';
      },
    }));
  }

  get now(): WarmingStats {
    return this.cache.stats().warming;
  }

  get well(): boolean {
    return this.now.budget === 1 && this.now.heldBackBy.length === 0;
  }

  /** What is gone from every tier, or owed to it. */
  async lose(): Promise<void> {
    await this.cache.deleteMany(KEYS);
  }

  /** The same, but the old value may stand in. */
  async expire(): Promise<void> {
    for (const key of KEYS) await this.cache.expire(key);
  }

  /** Every key is asked for, lost, missed, and lost again: each time as many loads are earned. */
  async miss(lose = (): Promise<void> => this.lose()): Promise<void> {
    for (let times = 0; times < 2; times++) {
      for (const key of KEYS)
        expect(await this.cache.getOrSet(key, () => 'asked for')).toBeDefined();
      await lose();
    }
  }

  /** Demand for keys nobody has asked for before. */
  async answers(): Promise<void> {
    const keys = Array.from({ length: NEW_KEYS }, () => `new:${this.#asked++}`);
    const values = keys.map((key) => this.cache.getOrSet(key, () => key));
    expect(await Promise.all(values)).toEqual(keys);
  }

  /** One round of the job; how many loaders it has run. */
  async round(): Promise<number> {
    const before = this.#loads;
    await this.cache.warming.round();
    return this.#loads - before;
  }

  /** The loads of a round in which nothing holds warming back. */
  async green(): Promise<number> {
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds++) {
      await this.miss();
      await this.cache.drain();
      const loads = await this.round();
      if (this.well && loads >= MANY) return loads;
    }
    throw new Error(`held back without a fault: ${JSON.stringify(this.now)}`);
  }

  /** Round by round, until all of the budget is back. */
  async recover(): Promise<void> {
    for (let rounds = 0; rounds < MOST_ROUNDS && !this.well; rounds++) {
      await this.cache.drain();
      await this.round();
    }
    expect(this.now).toMatchObject({ budget: 1, heldBackBy: [] });
  }
}
