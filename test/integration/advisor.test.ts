/** The advisor of an application on real servers: what it says at boot, and a server that stands still as soon as it is asked. */
import { Test } from '@nestjs/testing';
import pg from 'pg';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import {
  CACHE_L2,
  CACHE_L3,
  CacheAdvisor,
  CacheManager,
  MultiLevelCacheModule,
  redisAclRules,
  type Advice,
  type CacheModuleOptions,
  type Tier,
} from '../../libs/multi-level-cache/src/index.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { atEnd, endAfterEach, kept } from '../support/ends.js';
import { L3 } from '../support/options.js';
import { freshNamespace, startPostgres, startRedis, type Server } from '../support/servers.js';

endAfterEach();

async function boot(options: CacheModuleOptions, tier?: Tier) {
  const lines: string[] = [];
  const note = (line: unknown): void => void lines.push(String(line));
  const builder = Test.createTestingModule({ imports: [MultiLevelCacheModule.forRoot(options)] });
  if (tier) builder.overrideProvider(tier.name === 'l2' ? CACHE_L2 : CACHE_L3).useValue(tier);
  const module = await builder.setLogger({ log: note, warn: note, error: note }).compile();
  atEnd(() => module.close());
  await module.init();
  const advisor = module.get(CacheAdvisor);
  const advice = (): string[] => advisor.advice().map(({ code }) => code);
  const told = (): string[] => lines.filter((line) => line.startsWith('cache.advice'));
  return { advice, told, cache: module.get(CacheManager) };
}

it('names every server that is set as it comes out of its box, and nobody in it', async () => {
  const [redis, postgres] = [await kept(startRedis()), await kept(startPostgres())];
  const namespace = freshNamespace();
  const l2 = { url: redis.url };
  const { advice, told } = await boot({ namespace, l2, l3: { url: postgres.url } });
  const expected = [
    'postgres-fsync-off',
    'postgres-superuser',
    'redis-default-user',
    'redis-unbounded',
  ];
  await expect.poll(() => advice().toSorted()).toEqual(expected);
  expect(told()).toHaveLength(expected.length);
  const { password } = new URL(redis.url);
  for (const secret of [password, '127.0.0.1', 'throwaway', namespace])
    expect(told().join()).not.toContain(secret);
});

it('says nothing of servers that are set right', async () => {
  const redis = await kept(
    startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-lfu'] }),
  );
  const postgres = await kept(startPostgres(undefined, { fsync: 'on' }));
  const [namespace, user] = [freshNamespace(), 'shop'];
  const admin = new Redis(redis.url);
  const version = /redis_version:(\S+)/.exec(await admin.info('server'))![1];
  const rules = redisAclRules({ namespace, version });
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', ...rules);
  const owner = new pg.Client({ connectionString: postgres.url });
  await owner.connect();
  await owner.query(`create role ${user} login password 'secret'`);
  await owner.query(`create database ${user} owner ${user}`);
  await owner.end();
  const mine = { username: user, password: 'secret' };
  let asked = 0;
  class Counted extends RedisTier {
    override advise(...args: Parameters<RedisTier['advise']>): Promise<readonly Advice[]> {
      return super.advise(...args).finally(() => asked++);
    }
  }
  const l2 = { host: '127.0.0.1', port: redis.port, ...mine, budget: 20 };
  const url = Object.assign(new URL(postgres.url), { ...mine, pathname: user }).href;
  const tier = new Counted(l2, { namespace, clock: new SystemClock() });
  const { advice, cache } = await boot({ namespace, l2, l3: { url } }, tier);
  await expect.poll(() => asked).toBe(1);
  expect(advice()).toEqual([]);
  const { l2: second, l3: third } = cache.stats().tiers;
  expect([second.state, third.state]).toEqual(['up', 'up']);
  expect(await admin.call('ACL', 'LOG')).toEqual([]);
  admin.disconnect();
});

/** The first time it is asked its server stands still before it hears of that. */
function freezing<T extends Tier>(tier: T, server: Server): { readonly settled: () => boolean } {
  const advise = tier.advise!.bind(tier);
  let [times, settled] = [0, false];
  tier.advise = async (about) => {
    if (times++ === 0) await server.freeze();
    return advise(about).finally(() => (settled = true));
  };
  return { settled: () => settled };
}

it('boot does not wait for a Redis that is silent when it is asked; it is asked when it is back', async () => {
  const server = await kept(startRedis());
  const namespace = freshNamespace();
  const l2 = { url: server.url };
  const tier = new RedisTier({ ...l2, budget: 20 }, { namespace, clock: new SystemClock() });
  const { settled } = freezing(tier, server);
  const { advice, cache } = await boot({ namespace, l2 }, tier);
  expect([settled(), advice()]).toEqual([false, []]);
  expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  await expect.poll(settled, { timeout: 10_000 }).toBe(true);
  expect(advice()).toEqual([]);
  await server.thaw();
  await expect.poll(advice, { timeout: 10_000 }).toEqual(['redis-default-user', 'redis-unbounded']);
});

it('boot does not wait for a PostgreSQL that is silent when it is asked; it is asked when it is back', async () => {
  const server = await kept(startPostgres());
  const namespace = freshNamespace();
  const l3 = { url: server.url };
  const tier = new DatabaseTier({ ...L3, ...l3 }, { namespace, clock: new SystemClock() });
  const { settled } = freezing(tier, server);
  const { advice, cache } = await boot({ namespace, l3 }, tier);
  expect([settled(), advice()]).toEqual([false, []]);
  expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  await expect.poll(settled, { timeout: 10_000 }).toBe(true);
  expect(advice()).toEqual([]);
  await server.thaw();
  await expect
    .poll(advice, { timeout: 10_000 })
    .toEqual(['postgres-superuser', 'postgres-fsync-off']);
});

it('a server that was away at boot is asked when it has come', async () => {
  const server = await kept(startRedis());
  await server.kill();
  const { advice } = await boot({ namespace: freshNamespace(), l2: { url: server.url } });
  expect(advice()).toEqual([]);
  await server.restart();
  await expect.poll(advice, { timeout: 10_000 }).toEqual(['redis-default-user', 'redis-unbounded']);
});
