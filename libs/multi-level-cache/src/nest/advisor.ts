/** Gathers advice once after boot, from this process and from the tiers, and logs a line for each; what is wrong is health's part. */
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Advice } from '../core/inspection.js';
import type { ResolvedOptions } from '../core/options.js';
import type { Tier, TierName } from '../core/tier.js';
import { CacheManager } from '../manager/cache-manager.js';
import { ownAdvice } from './own-advice.js';
import { CACHE_TIERS, RESOLVED_OPTIONS } from './tokens.js';

/**
 * Knows which settings work and would be better otherwise, of the cache and of its servers.
 *
 * Each store is asked once, after the first contact or when it has come up later; nobody waits for it, and a store that refuses or is silent
 * is no trouble. One kind of advice is logged once of each tier, as a warning that begins with `cache.advice`. All of them:
 * docs/advice.md.
 *
 * @example
 * class Support {
 *   constructor(private readonly advisor: CacheAdvisor) {}
 *
 *   codes(): readonly string[] {
 *     return this.advisor.advice().map(({ code }) => code);
 *   }
 * }
 */
@Injectable()
export class CacheAdvisor implements OnModuleDestroy {
  readonly #logger = new Logger('MultiLevelCache');
  readonly #given = new Map<string, Advice>();
  /** Those that have answered, or are being asked. */
  readonly #asked = new Set<TierName>();
  #stopListening: (() => void) | undefined;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(CACHE_TIERS) private readonly tiers: readonly Tier[],
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /** What has been found so far; nothing of a store that has not been reached yet. */
  advice(): readonly Advice[] {
    return [...this.#given.values()];
  }

  /** To be called when the tiers have been contacted: what needs a server comes later. */
  begin(): void {
    this.#stopListening = this.cache.on('tier', ({ tier, state }) => {
      if (state === 'up') this.#askNamed(tier);
    });
    this.#give(ownAdvice(this.tiers, this.options));
    for (const tier of this.tiers) if (tier.status().state !== 'down') void this.#ask(tier);
  }

  onModuleDestroy(): void {
    this.#stopListening?.();
  }

  #askNamed(name: TierName): void {
    const tier = this.tiers.find((one) => one.name === name);
    if (tier) void this.#ask(tier);
  }

  async #ask(tier: Tier): Promise<void> {
    if (!tier.advise || this.#asked.has(tier.name)) return;
    this.#asked.add(tier.name);
    try {
      this.#give(await tier.advise({ secrets: this.#keepsSecrets(tier) }));
    } catch {
      // It has gone meanwhile, and is asked when it is back.
      this.#asked.delete(tier.name);
    }
  }

  /** As the vault chooses its store. */
  #keepsSecrets({ keys }: Tier): boolean {
    const encryption = this.options.security?.encryption;
    if (!keys || !encryption || encryption.tenantKeys) return false;
    return keys === this.tiers.findLast((tier) => tier.keys)?.keys;
  }

  #give(advice: readonly Advice[]): void {
    for (const one of advice) {
      const kind = `${one.about} ${one.code}`;
      if (this.#given.has(kind)) continue;
      this.#given.set(kind, one);
      this.#logger.warn(`cache.advice ${one.code}: ${one.says}`);
    }
  }
}
