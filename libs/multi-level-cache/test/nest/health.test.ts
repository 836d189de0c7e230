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
import type {
  Advice,
  CacheAdvisor,
  CacheManager,
  TierName,
  TierState,
  TierStats,
} from '../../src/index.js';
import { TIER_OFF } from '../../src/manager/stats.js';
import { CacheHealthIndicator } from '../../src/nest/terminus.js';
import { boot, closeLater } from './boot.js';

type State = TierState | 'off';

/** An indicator of a cache whose stats are these, as far as they matter. */
function indicatorOf(
  tiers: Partial<Record<TierName, Partial<TierStats>>>,
  { advisor, deaf = false }: { advisor?: CacheAdvisor; deaf?: boolean } = {},
): CacheHealthIndicator {
  const of = (name: TierName): TierStats => ({ ...TIER_OFF, ...tiers[name] });
  const stats = { tiers: { l1: of('l1'), l2: of('l2'), l3: of('l3') }, backplane: { deaf } };
  const cache = { stats: () => stats } as unknown as CacheManager;
  return new CacheHealthIndicator(new HealthIndicatorService(), cache, advisor);
}

function check(l1: State, l2: State, l3: State): Promise<{ cache: object }> {
  return indicatorOf({ l1: { state: l1 }, l2: { state: l2 }, l3: { state: l3 } }).check('cache');
}

/** Without what each tier is to reach. */
function short({ cache }: { cache: object }): object {
  const { objectives: _objectives, ...rest } = cache as { objectives?: unknown };
  return rest;
}

describe('CacheHealthIndicator', () => {
  it('is up without further ado where every tier is', async () => {
    expect(short(await check('up', 'up', 'up'))).toEqual({
      status: 'up',
      tiers: { l1: 'up', l2: 'up', l3: 'up' },
    });
  });

  it('is up and names what is degraded', async () => {
    expect(short(await check('up', 'down', 'degraded'))).toEqual({
      status: 'up',
      tiers: { l1: 'up', l2: 'down', l3: 'degraded' },
      degraded: ['l2', 'l3'],
    });
  });

  it('says why, and where somebody has to act', async () => {
    const reason = 'not filled: refusing a permission';
    const indicator = indicatorOf({
      l1: { state: 'up' },
      l2: { state: 'degraded', reason, config: true },
      l3: { state: 'down', reason: 'away' },
    });
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
    const advisor = { advice: () => given } as unknown as CacheAdvisor;
    const indicator = indicatorOf({ l1: { state: 'up' }, l2: { state: 'up' } }, { advisor });
    expect(short(await indicator.check('cache'))).toEqual({
      status: 'up',
      tiers: { l1: 'up', l2: 'up' },
      ...more,
    });
  });

  it('holds each tier against what it is to reach', async () => {
    const indicator = indicatorOf({
      l1: { state: 'up', hits: 10_000, withinTarget: 1 },
      l2: { state: 'up', hits: 9_980, misses: 20, errors: 11, withinTarget: 0.999 },
      l3: { state: 'up', hits: 10_000, withinTarget: 0.98 },
    });
    expect(await indicator.check('cache')).toMatchObject({
      cache: {
        status: 'up',
        objectives: {
          l1: { availability: 1, availabilityTarget: 0.9999, inTime: 1, targetMs: 1, met: true },
          // Eleven of ten thousand are one too many.
          l2: { availability: 0.9989, availabilityTarget: 0.999, targetMs: 5, met: false },
          l3: {
            availabilityTarget: 0.9995,
            inTime: 0.98,
            inTimeTarget: 0.99,
            targetMs: 50,
            met: false,
          },
        },
      },
    });
  });

  it('counts a read that was not made as one that was not answered', async () => {
    const l2 = { state: 'down', hits: 500, misses: 500, skipped: 500 } as const;
    const { cache } = await indicatorOf({ l1: { state: 'up' }, l2 }).check('cache');
    expect(cache.objectives).toEqual({
      l1: { availabilityTarget: 0.9999, inTimeTarget: 0.99, targetMs: 1, met: true },
      l2: {
        availability: 0.5,
        availabilityTarget: 0.999,
        inTimeTarget: 0.99,
        targetMs: 5,
        met: false,
      },
    });
  });

  it('says that others are not heard', async () => {
    const { cache } = await indicatorOf({ l1: { state: 'up' } }, { deaf: true }).check('cache');
    expect(cache).toMatchObject({ status: 'up', deaf: true });
  });

  it('is alive whatever the tiers are', async () => {
    const indicator = indicatorOf({ l2: { state: 'down' }, l3: { state: 'down' } });
    expect(await indicator.check('cache')).toMatchObject({ cache: { status: 'down' } });
    expect(await indicator.alive('cache')).toEqual({ cache: { status: 'up' } });
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
