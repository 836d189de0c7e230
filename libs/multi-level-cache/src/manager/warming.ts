/** Warming of one application: what is hot, who can load it, and the round the scheduled job runs. */
import type { Clock } from '../core/clock.js';
import type { WarmingOptions } from '../core/options.js';
import { HotKeys, isHotKeys, type KeyRef } from '../warming/hot-keys.js';
import { Loaders } from '../warming/loaders.js';
import { Warmer, type WarmReport } from '../warming/warmer.js';
import type { CacheManager } from './cache-manager.js';
import type { Parts } from './parts.js';

/** The cache that keeps the list of hot keys between two lives; its name is no one else's. */
export const HOT_LIST_CACHE = 'mlc.warming';
const HOT_LIST_KEY = 'hot';
const KEPT_FOR = '7d';

/** What warming needs of a named cache. */
interface WarmCache extends Pick<CacheManager, 'get' | 'set' | 'getOrSet'> {
  quietGetMany(keys: readonly string[]): Promise<ReadonlyMap<string, unknown>>;
}

export interface WarmingHost {
  readonly parts: Parts;
  cache(name: string): WarmCache;
  /** Runs `work` for a tenant; `p` = nobody's. */
  as<T>(tenant: string, work: () => T): T;
}

export class Warming {
  readonly loaders = new Loaders();
  readonly hot = new HotKeys();
  readonly #warmer: Warmer;
  readonly #clock: Clock;
  #lastRound: number;

  constructor(
    readonly host: WarmingHost,
    readonly options: WarmingOptions | false,
  ) {
    this.#clock = host.parts.clock;
    this.#lastRound = this.#clock.now();
    this.#warmer = new Warmer({
      fresh: (refs) => this.#fresh(refs),
      load: (ref) => this.#load(ref),
    });
  }

  /** Keys in the order given; at most `budget` loaders run. */
  warm(refs: readonly KeyRef[], budget: number): Promise<WarmReport> {
    return this.#warmer.warm(refs, budget);
  }

  /** What the last life, or another instance, found hot. */
  async recall(): Promise<void> {
    const kept = await this.host.cache(HOT_LIST_CACHE).get(HOT_LIST_KEY);
    if (isHotKeys(kept)) this.hot.merge(kept);
  }

  /** What is hot as far as this process and the kept list know. */
  async recallNow(): Promise<HotKeys> {
    this.#count();
    await this.recall();
    return this.hot;
  }

  /** One round of the job: count, remember, and warm what is hot and not fresh. Closing waits for it as for other background work. */
  round(): Promise<WarmReport | undefined> {
    if (!this.options) return Promise.resolve(undefined);
    const round = this.#round(this.options);
    this.host.parts.background.run(() => round);
    return round;
  }

  async #round({ budget, keys }: WarmingOptions): Promise<WarmReport> {
    const now = this.#clock.now();
    this.hot.fade(now - this.#lastRound);
    this.#lastRound = now;
    await this.recallNow();
    const report = await this.warm(this.hot.top(keys), budget);
    await this.host
      .cache(HOT_LIST_CACHE)
      .set(HOT_LIST_KEY, this.hot.snapshot(keys), { ttl: KEPT_FOR, grace: 0, jitter: 0 });
    return report;
  }

  /** Hits in memory are counted where they happen; what was asked of lower tiers or loaders is told by `asked`. */
  #count(): void {
    this.host.parts.l1?.takeHits((scope, key, hits) => {
      if (scope.cache !== HOT_LIST_CACHE)
        this.hot.observe({ tenant: scope.tenant, cache: scope.cache, key }, hits);
    });
  }

  async #fresh(refs: readonly KeyRef[]): Promise<readonly boolean[]> {
    const found = new Map<string, ReadonlyMap<string, unknown>>();
    const homes = new Map<string, KeyRef[]>();
    for (const ref of refs) {
      const home = `${ref.tenant}\u0000${ref.cache}`;
      homes.set(home, [...(homes.get(home) ?? []), ref]);
    }
    for (const [home, some] of homes) {
      const { tenant, cache } = some[0];
      const keys = some.map(({ key }) => key);
      found.set(home, await this.host.as(tenant, () => this.host.cache(cache).quietGetMany(keys)));
    }
    return refs.map(({ tenant, cache, key }) => found.get(`${tenant}\u0000${cache}`)!.has(key));
  }

  async #load({ tenant, cache, key }: KeyRef): Promise<boolean> {
    const loader = this.loaders.find(cache, key);
    if (!loader || this.host.parts.closing.begun) return false;
    return this.host.as(tenant, async () => {
      if (loader.stores) await loader.run(loader.args, new AbortController().signal);
      else
        await this.host
          .cache(cache)
          .getOrSet(key, (_key, { signal }) => loader.run(loader.args, signal));
      return true;
    });
  }
}
