/** The cache as a Terminus health indicator: one answer over all tiers. */
import { Inject, Injectable, Optional } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { TierName, TierState } from '../../core/tier.js';
import { CacheManager } from '../../manager/cache-manager.js';
import type { CacheStats } from '../../manager/stats.js';
import { CacheAdvisor } from '../advisor.js';
import { objectiveOf, type Objective } from './objectives.js';

/** What the result says beside its status. */
export type CacheHealthDetails = {
  /** State of each tier that is on. */
  readonly tiers: Readonly<Partial<Record<TierName, TierState>>>;
  /** Each of them against what it is to reach: 99.99, 99.9, 99.95 % of reads answered, 99 % of answers within 1, 5, 50 ms. */
  readonly objectives: Readonly<Partial<Record<TierName, Objective>>>;
  /** Other instances are not heard: what memory has is looked up below. Left out where they are. */
  readonly deaf?: true;
  /** Tiers that are not fully up; left out where all are. */
  readonly degraded?: readonly TierName[];
  /** Why not, as far as known. */
  readonly reasons?: Readonly<Partial<Record<TierName, string>>>;
  /** Tiers whose credentials, permissions or certificates have to be changed: waiting does not help. */
  readonly config?: readonly TierName[];
  /** What works and would be better otherwise, a sentence each: docs/advice.md. It makes nobody less than `up`. */
  readonly advice?: readonly string[];
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
 *   \@Get('ready')
 *   \@HealthCheck()
 *   ready() {
 *     return this.health.check([() => this.cache.check('cache')]);
 *   }
 *
 *   \@Get('live')
 *   \@HealthCheck()
 *   live() {
 *     return this.health.check([() => this.cache.alive('cache')]);
 *   }
 * }
 */
@Injectable()
export class CacheHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Optional() @Inject(CacheAdvisor) private readonly advisor?: CacheAdvisor,
  ) {}

  /**
   * For a probe of liveness: `up` as long as the process answers. Whoever is restarted when Redis or PostgreSQL is away is away as
   * well, and starts with an empty memory.
   */
  alive<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key, 'up'>> {
    return Promise.resolve(this.indicators.check(key).up());
  }

  /** For a probe of readiness: the result under `key`, as Terminus wants it; never rejects for a tier's sake. */
  check<const Key extends string>(
    key: Key,
  ): Promise<HealthIndicatorResult<Key, 'up' | 'down', CacheHealthDetails>> {
    const { backplane, tiers: stats } = this.cache.stats();
    const names = (Object.keys(stats) as TierName[]).filter((name) => stats[name].state !== 'off');
    const tiers: Partial<Record<TierName, TierState>> = {};
    const objectives: Partial<Record<TierName, Objective>> = {};
    for (const name of names) {
      tiers[name] = stats[name].state as TierState;
      objectives[name] = objectiveOf(name, stats[name]);
    }
    const degraded = names.filter((name) => tiers[name] !== 'up');
    const advice = this.advisor?.advice().map(({ says }) => says) ?? [];
    const details: CacheHealthDetails = {
      tiers,
      objectives,
      ...(backplane.deaf ? { deaf: true } : {}),
      ...(degraded.length > 0 ? why(degraded, stats) : {}),
      ...(advice.length > 0 ? { advice } : {}),
    };
    // Every tier off is a choice, not an outage.
    const canServe = names.length === 0 || names.some((name) => tiers[name] !== 'down');
    const indicator = this.indicators.check(key);
    return Promise.resolve(canServe ? indicator.up(details) : indicator.down(details));
  }
}

function why(
  degraded: readonly TierName[],
  stats: CacheStats['tiers'],
): Pick<CacheHealthDetails, 'degraded' | 'reasons' | 'config'> {
  const reasons: Partial<Record<TierName, string>> = {};
  for (const name of degraded) {
    const { reason } = stats[name];
    if (reason !== undefined) reasons[name] = reason;
  }
  const config = degraded.filter((name) => stats[name].config === true);
  return {
    degraded,
    ...(Object.keys(reasons).length > 0 ? { reasons } : {}),
    ...(config.length > 0 ? { config } : {}),
  };
}
