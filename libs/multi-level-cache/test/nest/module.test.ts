/** The module: ways to give options, tiers that tests replace, boot and shutdown. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type INestApplication,
  type OnModuleInit,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it, vi } from 'vitest';
import {
  CACHE_L1,
  CACHE_L2,
  CACHE_L3,
  CACHE_TIERS,
  Cached,
  CacheManager,
  MultiLevelCacheModule,
  type CacheModuleOptions,
  type CacheOptionsFactory,
  type Tier,
} from '../../src/index.js';
import { boot, closeLater, Gate, NO_LOGGER } from './boot.js';

/** A tier that is there and holds nothing. */
function emptyTier(name: 'l1' | 'l2' | 'l3'): Tier & { closed: number } {
  return {
    name,
    closed: 0,
    open: () => Promise.resolve(),
    close() {
      this.closed++;
      return Promise.resolve();
    },
    read: () => ({ state: 'absent' }),
    ticket: () => ({ kind: 'none' }),
    fill: () => false,
    apply: () => Promise.resolve(),
    status: () => ({ state: 'up', entries: 0, bytes: 0, evictions: 0, corrupt: 0 }),
  };
}

async function start(imports: Parameters<typeof Test.createTestingModule>[0]['imports'] & object) {
  const module = await Test.createTestingModule({ imports }).setLogger(NO_LOGGER).compile();
  return closeLater(await module.init());
}

@Injectable()
class Config implements CacheOptionsFactory {
  create(): CacheModuleOptions {
    return { namespace: 'from-class' };
  }
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

describe('MultiLevelCacheModule', () => {
  it('is injectable everywhere by default', async () => {
    @Injectable()
    class Elsewhere {
      constructor(@Inject(CacheManager) readonly cache: CacheManager) {}
    }
    @Module({ providers: [Elsewhere] })
    class Apart {}
    const { module } = await boot({ imports: [Apart] });
    const { cache } = module.get(Elsewhere, { strict: false });
    expect(await cache.getOrSet('a', () => 1)).toBe(1);
    expect(cache.peek('a')).toBe(1);
  });

  it.each([
    ['useFactory', { useFactory: async () => ({ namespace: 'made' }) }],
    ['useClass', { useClass: Config }],
    ['useExisting', { imports: [ConfigModule], useExisting: Config }],
    ['isGlobal beside useFactory', { isGlobal: false, useFactory: () => ({ namespace: 'made' }) }],
  ])('takes options by %s', async (_way, options) => {
    const module = await start([MultiLevelCacheModule.forRootAsync(options)]);
    expect(await module.get(CacheManager).getOrSet('a', () => 'value')).toBe('value');
  });

  it('fails to boot on wrong options, telling all of them', async () => {
    const wrong = { namespace: '', l1: { maxEntries: -1 } };
    await expect(start([MultiLevelCacheModule.forRoot(wrong)])).rejects.toThrow(
      /CACHE_CONFIG_INVALID: .*2 faults:\n {2}namespace: .*\n {2}l1.maxEntries: is -1/,
    );
  });

  it('refuses a second forRoot', async () => {
    const one = MultiLevelCacheModule.forRoot({ namespace: 'one' });
    const two = MultiLevelCacheModule.forRoot({ namespace: 'two' });
    await expect(start([one, two])).rejects.toThrow(/forRoot is imported more than once/);
  });

  it('works with every tier off', async () => {
    const module = await start([MultiLevelCacheModule.forRoot({ namespace: 'a', l1: false })]);
    expect(module.get(CACHE_TIERS)).toEqual([]);
    let runs = 0;
    const cache = module.get(CacheManager);
    await cache.getOrSet('a', () => ++runs);
    expect(await cache.getOrSet('a', () => ++runs)).toBe(2);
  });

  it('lists the tiers that are on, and gives null for the others', async () => {
    const { module } = await boot({});
    expect(module.get<Tier[]>(CACHE_TIERS).map((tier) => tier.name)).toEqual(['l1']);
    expect([module.get(CACHE_L2), module.get(CACHE_L3)]).toEqual([null, null]);
  });

  it('works on the tier that overrideProvider(CACHE_L2) put in', async () => {
    const l2 = emptyTier('l2');
    const read = vi.spyOn(l2, 'read');
    const { module, cache } = await boot({}, (builder) =>
      builder.overrideProvider(CACHE_L2).useValue(l2),
    );
    expect(await cache.getOrSet('a', () => 1)).toBe(1);
    expect(read).toHaveBeenCalled();
    expect(cache.stats().tiers.l2.state).toBe('up');
    await module.close();
    expect(l2.closed).toBe(1);
  });

  it('keeps stale values in memory where a test took the lower tiers out', async () => {
    const module = await Test.createTestingModule({
      imports: [
        MultiLevelCacheModule.forRoot({ namespace: 'a', l2: { url: 'redis://127.0.0.1:1' } }),
      ],
    })
      .setLogger(NO_LOGGER)
      .overrideProvider(CACHE_L2)
      .useValue(null)
      .compile();
    await closeLater(module).init();
    expect(module.get<{ options: object }>(CACHE_L1).options).toMatchObject({ keepStale: true });
  });

  it.each([
    ['an L1 that is no MemoryTier', [emptyTier('l1')], /CACHE_L1 must be a MemoryTier/],
    ['tiers out of order', [emptyTier('l3'), emptyTier('l2')], /CACHE_TIERS must be a list/],
    ['a tier twice', [emptyTier('l2'), emptyTier('l2')], /CACHE_TIERS must be a list/],
    ['no list', null, /CACHE_TIERS must be a list/],
  ])('refuses %s', async (_what, tiers, message) => {
    const booting = boot({}, (builder) => builder.overrideProvider(CACHE_TIERS).useValue(tiers));
    await expect(booting).rejects.toThrow(message);
  });

  it('gives decorated methods what overrideProvider(CacheManager) put in', async () => {
    @Injectable()
    class Service {
      @Cached({ key: 'a' })
      async find(): Promise<string> {
        return 'own';
      }
    }
    const { module } = await boot({ providers: [Service] }, (builder) =>
      builder
        .overrideProvider(CacheManager)
        .useValue({ getOrSet: () => Promise.resolve('theirs') }),
    );
    expect(await module.get(Service).find()).toBe('theirs');
  });

  it('is open when a consumer initialises, and serves until after its last hook', async () => {
    const seen: unknown[] = [];
    const l2 = emptyTier('l2');
    const open = vi.spyOn(l2, 'open');
    @Injectable()
    class Consumer implements OnModuleInit {
      constructor(@Inject(CacheManager) readonly cache: CacheManager) {}

      onModuleInit(): void {
        seen.push(open.mock.calls.length);
      }

      async onModuleDestroy(): Promise<void> {
        seen.push(await this.cache.getOrSet('destroy', () => 'destroy'));
      }

      async onApplicationShutdown(): Promise<void> {
        seen.push(await this.cache.getOrSet('shutdown', () => 'shutdown'));
      }
    }
    const { module, cache } = await boot({ providers: [Consumer] }, (builder) =>
      builder.overrideProvider(CACHE_L2).useValue(l2),
    );
    await module.close();
    await module.close();
    expect(seen).toEqual([1, 'destroy', 'shutdown']);
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    expect(l2.closed).toBe(1);
  });

  it('answers a request that is in flight when the application closes', async () => {
    const inside = new Gate();
    const leave = new Gate();
    @Controller()
    class Slow {
      constructor(@Inject(CacheManager) private readonly cache: CacheManager) {}

      @Get()
      async slow(): Promise<string> {
        inside.open();
        await leave.opened;
        return this.cache.getOrSet('a', () => 'served');
      }
    }
    const { module } = await boot({ controllers: [Slow] });
    const app = module.createNestApplication<INestApplication<Server>>({ logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const answer = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    await inside.opened;
    const closing = app.close();
    setImmediate(leave.open);
    expect(await (await answer).text()).toBe('served');
    await closing;
  });

  it('boots with servers that are down, and tells which tier is', async () => {
    const lines: string[] = [];
    const note = (line: unknown): void => void lines.push(String(line));
    const module = await Test.createTestingModule({
      imports: [
        MultiLevelCacheModule.forRoot({
          namespace: 'a',
          l2: { url: 'redis://user:hunter2@127.0.0.1:1' },
          l3: { url: 'postgres://user:hunter2@127.0.0.1:1/none' },
        }),
      ],
    })
      .setLogger({ log: note, warn: note, error: note })
      .compile();
    const before = performance.now();
    await closeLater(module).init();
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(await module.get(CacheManager).getOrSet('a', () => 1)).toBe(1);
    expect(lines).toContain('cache.ready: l1 is up, l2 is down, l3 is down');
    expect(lines.filter((line) => /^cache.tier.opened: l[23] is down/.test(line))).toHaveLength(2);
    expect(lines.join()).not.toContain('hunter2');
  });

  it.each([
    ['L1 alone', {}, /until the end of its ttl/],
    ['L1 and L3', { l3: { url: 'postgres://u@127.0.0.1:1/none' } }, undefined],
    [
      'L1, and L3 behind a pooler',
      { l3: { url: 'postgres://u@127.0.0.1:1/none', poolerMode: true } },
      /behind a pooler.*until their l1.ttl.*direct connection/,
    ],
    ['L1 alone, which is meant', { consistency: 'local' }, undefined],
    ['L1 and L2', { l2: { url: 'redis://127.0.0.1:1' } }, undefined],
  ] as const)('%s: says once at boot whether others are told', async (_name, options, advice) => {
    const lines: string[] = [];
    const note = (line: unknown): void => void lines.push(String(line));
    const module = await Test.createTestingModule({
      imports: [MultiLevelCacheModule.forRoot({ namespace: 'a', ...options })],
    })
      .setLogger({ log: note, warn: note, error: note })
      .compile();
    await closeLater(module).init();
    const given = lines.filter((line) => line.startsWith('cache.advice l1-unheard: l1 without l2'));
    expect(given).toHaveLength(advice ? 1 : 0);
    if (advice) expect(given[0]).toMatch(advice);
  });
});
