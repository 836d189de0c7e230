/** The health indicator: up while one tier can serve, down when none can. */
import { Controller, Get, Inject } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  TerminusModule,
} from '@nestjs/terminus';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import type { Advice, CacheAdvisor, CacheManager, TierState } from '../../src/index.js';
import { CacheHealthIndicator } from '../../src/nest/terminus.js';
import { boot, closeLater } from './boot.js';

type State = TierState | 'off';

function check(l1: State, l2: State, l3: State): Promise<unknown> {
  const stats = { tiers: { l1: { state: l1 }, l2: { state: l2 }, l3: { state: l3 } } };
  const cache = { stats: () => stats } as unknown as CacheManager;
  return new CacheHealthIndicator(new HealthIndicatorService(), cache).check('cache');
}

describe('CacheHealthIndicator', () => {
  it('is up without further ado where every tier is', async () => {
    expect(await check('up', 'up', 'up')).toEqual({
      cache: { status: 'up', tiers: { l1: 'up', l2: 'up', l3: 'up' } },
    });
  });

  it('is up and names what is degraded', async () => {
    expect(await check('up', 'down', 'degraded')).toEqual({
      cache: {
        status: 'up',
        tiers: { l1: 'up', l2: 'down', l3: 'degraded' },
        degraded: ['l2', 'l3'],
      },
    });
  });

  it('says why, and where somebody has to act', async () => {
    const l2 = { state: 'degraded', reason: 'not filled: refusing a permission', config: true };
    const stats = { tiers: { l1: { state: 'up' }, l2, l3: { state: 'down', reason: 'away' } } };
    const cache = { stats: () => stats } as unknown as CacheManager;
    const indicator = new CacheHealthIndicator(new HealthIndicatorService(), cache);
    expect(await indicator.check('cache')).toMatchObject({
      cache: {
        degraded: ['l2', 'l3'],
        reasons: { l2: 'not filled: refusing a permission', l3: 'away' },
        config: ['l2'],
      },
    });
  });

  it.each<[string, readonly Advice[], object]>([
    ['leaves advice out where there is none', [], {}],
    [
      'gives advice, and is up all the same',
      [{ about: 'l2', code: 'redis-unbounded', says: 'Redis has no maxmemory' }],
      { advice: ['Redis has no maxmemory'] },
    ],
  ])('%s', async (_what, given, more) => {
    const stats = { tiers: { l1: { state: 'up' }, l2: { state: 'up' }, l3: { state: 'off' } } };
    const cache = { stats: () => stats } as unknown as CacheManager;
    const advisor = { advice: () => given } as unknown as CacheAdvisor;
    const service = new HealthIndicatorService();
    expect(await new CacheHealthIndicator(service, cache, advisor).check('cache')).toEqual({
      cache: { status: 'up', tiers: { l1: 'up', l2: 'up' }, ...more },
    });
  });

  it.each<[State, State, State, string]>([
    ['up', 'down', 'down', 'up'],
    ['off', 'degraded', 'down', 'up'],
    ['off', 'down', 'down', 'down'],
    ['off', 'down', 'off', 'down'],
    ['off', 'off', 'off', 'up'],
  ])('with l1 %s, l2 %s, l3 %s is %4$s', async (l1, l2, l3, status) => {
    expect(await check(l1, l2, l3)).toMatchObject({ cache: { status } });
  });

  it('answers a Terminus check', async () => {
    @Controller('health')
    class HealthController {
      constructor(
        @Inject(HealthCheckService) private readonly health: HealthCheckService,
        @Inject(CacheHealthIndicator) private readonly cache: CacheHealthIndicator,
      ) {}

      @Get()
      @HealthCheck()
      check() {
        return this.health.check([() => this.cache.check('cache')]);
      }
    }
    const { module } = await boot({
      imports: [TerminusModule],
      controllers: [HealthController],
      providers: [CacheHealthIndicator],
    });
    const app = closeLater(await module.createNestApplication({ logger: false }).init());
    const response = await request(app.getHttpServer() as Parameters<typeof request>[0])
      .get('/health')
      .expect(200);
    expect(response.body).toMatchObject({
      details: {
        cache: {
          status: 'up',
          tiers: { l1: 'up' },
          advice: [expect.stringMatching(/^l1 without l2/)],
        },
      },
    });
  });
});
