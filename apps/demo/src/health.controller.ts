/** For load balancers: may this instance get traffic? And for people: what does the cache do? */
import { Controller, Get, Inject } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { CacheManager, type CacheStats } from 'nestjs-multi-level-cache';
import { CacheHealthIndicator } from 'nestjs-multi-level-cache/terminus';
import type { Servers } from './servers/find-servers.js';
import { SERVERS } from './servers/token.js';

@Controller()
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(CacheHealthIndicator) private readonly indicator: CacheHealthIndicator,
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(SERVERS) private readonly servers: Servers,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.indicator.check('cache'), () => this.runsOn()]);
  }

  /** For whoever restarts what is dead: a server that is away is no reason. */
  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.indicator.alive('cache')]);
  }

  private runsOn(): HealthIndicatorResult {
    const { postgres, redis } = this.servers;
    return this.indicators.check('servers').up({ redis: redis.says, postgres: postgres.says });
  }

  @Get('stats')
  stats(): CacheStats {
    return this.cache.stats();
  }
}
