/** The cache as a Terminus health indicator: one answer over all tiers. */
import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { TierName, TierState } from '../../core/tier.js';
import { CacheManager } from '../../manager/cache-manager.js';

/** What the result says beside its status. */
export type CacheHealthDetails = {
  /** State of each tier that is on. */
  readonly tiers: Readonly<Partial<Record<TierName, TierState>>>;
  /** Tiers that are not fully up; left out where all are. */
  readonly degraded?: readonly TierName[];
};

/**
 * Tells Terminus whether the cache can serve.
 *
 * `up` while one tier that is on can serve, with `degraded` naming those that are not fully up: a readiness check must not
 * take an instance out that still answers from memory. `down` when no tier can serve. Asks no server: it tells what the
 * tiers know.
 *
 * @example
 * \@Controller('health')
 * class HealthController {
 *   constructor(
 *     private readonly health: HealthCheckService,
 *     private readonly cache: CacheHealthIndicator,
 *   ) {}
 *
 *   \@Get()
 *   \@HealthCheck()
 *   check() {
 *     return this.health.check([() => this.cache.check('cache')]);
 *   }
 * }
 */
@Injectable()
export class CacheHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(CacheManager) private readonly cache: CacheManager,
  ) {}

  /** The result under `key`, as Terminus wants it; never rejects for a tier's sake. */
  check<const Key extends string>(
    key: Key,
  ): Promise<HealthIndicatorResult<Key, 'up' | 'down', CacheHealthDetails>> {
    const tiers: Partial<Record<TierName, TierState>> = {};
    for (const [name, { state }] of Object.entries(this.cache.stats().tiers)) {
      if (state !== 'off') tiers[name as TierName] = state;
    }
    const names = Object.keys(tiers) as TierName[];
    const degraded = names.filter((name) => tiers[name] !== 'up');
    const details: CacheHealthDetails = degraded.length > 0 ? { tiers, degraded } : { tiers };
    // Every tier off is a choice, not an outage.
    const canServe = names.length === 0 || names.some((name) => tiers[name] !== 'down');
    const indicator = this.indicators.check(key);
    return Promise.resolve(canServe ? indicator.up(details) : indicator.down(details));
  }
}
