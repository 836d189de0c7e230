/** For load balancers: may this instance get traffic? And for people: what does the cache do? */
import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { CacheManager, type CacheStats } from 'nestjs-multi-level-cache';
import { CacheHealthIndicator } from 'nestjs-multi-level-cache/terminus';

@Controller()
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(CacheHealthIndicator) private readonly indicator: CacheHealthIndicator,
    @Inject(CacheManager) private readonly cache: CacheManager,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.indicator.check('cache')]);
  }

  @Get('stats')
  stats(): CacheStats {
    return this.cache.stats();
  }
}
