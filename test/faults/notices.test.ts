/** Announcements through PostgreSQL: who announces when, what becomes of those that are too long or not ours, and the connection that listens. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { channelOf } from '../../libs/multi-level-cache/src/tiers/database/backplane.js';
import { closeCaches, testCache, type TestCache, type TestCacheOptions } from '../support/cache.js';
import { Proxy } from '../support/proxy.js';
import {
  freshDatabase,
  freshNamespace,
  redisUrl,
  startPgBouncer,
  startRedis,
  type Server,
} from '../support/servers.js';

const run = promisify(execFile);
const SOON = { timeout: 1_000 };
const LOCAL = { consistency: 'local' } as const;
const servers: Server[] = [];
let namespace: string;
let database: string;
let admin: pg.Client;
/** What was announced. */
let told: string[];

beforeEach(async () => {
  [namespace, database, told] = [freshNamespace(), await freshDatabase(), []];
  admin = new pg.Client({ connectionString: database });
  await admin.connect();
  admin.on('notification', ({ payload }) => void told.push(payload!));
  await admin.query(`listen "${channelOf('mlcache', namespace)}"`);
});
afterEach(async () => {
  await closeCaches();
  await admin.end();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const make = (more: Partial<TestCacheOptions> = {}): Promise<TestCache> =>
  testCache({ namespace, database, ...more });

async function store(keys: readonly string[], ...made: readonly TestCache[]): Promise<void> {
  for (const { cache } of made) {
    for (const key of keys) await cache.getOrSet(key, () => 'old', { tags: ['t'] });
    await cache.drain();
    for (const key of keys) expect(cache.peek(key)).toBe('old');
  }
}

/** Everything announced so far has come. */
async function heard(): Promise<readonly string[]> {
  await admin.query('select 1');
  return told;
}

/** Connections of this kind, by what they are for. */
async function connections(
  kind: 'multi-level-cache' | 'multi-level-cache listener',
): Promise<number> {
  const { rows } = await admin.query<{ pid: number }>(
    'select pid from pg_stat_activity where datname = current_database() and application_name = $1',
    [kind],
  );
  return rows.length;
}

/** What an application says that starts, reads once and has nothing else to do. */
async function bootAlone(url: string): Promise<string> {
  const code = `
    import 'reflect-metadata';
    import { NestFactory } from '@nestjs/core';
    import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
    const options = { namespace: ${JSON.stringify(namespace)}, l3: { url: ${JSON.stringify(url)} } };
    const module = MultiLevelCacheModule.forRoot(options);
    const app = await NestFactory.createApplicationContext(module, { logger: false });
    console.log(await app.get(CacheManager).getOrSet('k', () => 'v'));`;
  const args = ['--input-type=module', '-e', code];
  return (await run(process.execPath, args, { timeout: 10_000 })).stdout;
}

describe('announcements', () => {
  const CHANGES: readonly (readonly [
    string,
    (made: TestCache, how?: object) => Promise<unknown>,
  ])[] = [
    ['set', ({ cache }, how) => cache.set('k', 'new', how)],
    ['setMany', ({ cache }, how) => cache.setMany([['k', 'new']], how)],
    ['delete', ({ cache }, how) => cache.delete('k', how)],
    ['expire', ({ cache }, how) => cache.expire('k', how)],
    ['invalidateTags', ({ cache }, how) => cache.invalidateTags(['t'], how)],
    ['clear', ({ cache }, how) => cache.clear(how)],
  ];

  it.each(CHANGES)(
    'without Redis: one for a %s, none where the call is local',
    async (_name, change) => {
      const made = await make();
      await change(made, LOCAL);
      expect(await heard()).toHaveLength(0);
      await change(made);
      expect(await heard()).toHaveLength(1);
    },
  );

  it('one each for the guard of a write and for its end', async () => {
    const { cache } = await make();
    await cache.mutate({ keys: ['k'] }, async () => expect(await heard()).toHaveLength(1));
    expect(await heard()).toHaveLength(2);
  });

  it('none of what was not done: a touch of what is not there', async () => {
    const made = await make();
    const address = new Address(new Scope(namespace, 'p', 'default'), 'k');
    expect(await made.cache.touch('k', '1m')).toBe(false);
    await made.l3!.apply({ kind: 'touch', addresses: [address], ms: 1_000 });
    expect(await heard()).toHaveLength(0);
  });

  it('none of values, and none of fills', async () => {
    const made = await make();
    await store(['k'], made);
    expect(await heard()).toHaveLength(0);
    await made.cache.set('k', 'secret');
    expect((await heard()).join()).not.toContain('secret');
  });

  it('none while Redis takes what is changed', async () => {
    const made = await make({ redis: redisUrl() });
    await store(['k'], made);
    for (const [, change] of CHANGES) await change(made);
    await made.cache.mutate({ keys: ['k'], tags: ['t'] }, () => undefined);
    expect(await heard()).toHaveLength(0);
  });

  it('none, and nobody listens, where the application is local', async () => {
    const made = await make({ l3: { quiet: true } });
    await store(['k'], made);
    for (const [, change] of CHANGES) await change(made);
    expect(await heard()).toHaveLength(0);
    expect(await connections('multi-level-cache listener')).toBe(0);
  });

  it('longer than PostgreSQL takes: in parts', async () => {
    const [a, b] = [await make(), await make()];
    const keys = Array.from({ length: 100 }, (_, at) => `${at}:${'"€'.repeat(100)}`);
    await store(keys, a, b);
    await a.cache.deleteMany(keys);
    await expect.poll(() => keys.filter((key) => b.cache.peek(key)), SOON).toEqual([]);
    expect((await heard()).length).toBeGreaterThan(4);
    for (const message of told) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(7_900);
    await store(['k'], a, b);
    await a.cache.invalidateTags([
      ...Array.from({ length: 100 }, (_, at) => `${at}${'€'.repeat(80)}`),
      't',
    ]);
    await expect.poll(() => b.cache.peek('k'), SOON).toBeUndefined();
  });

  it.each(['', 'rubbish', 'a b d [["p"]]', 'a - d', '{"k":1}'])(
    'not ours (%j): memory forgets, and it is counted',
    async (message) => {
      const made = await make();
      await store(['k'], made);
      await admin.query('select pg_notify($1, $2)', [channelOf('mlcache', namespace), message]);
      await expect.poll(() => made.cache.peek('k'), SOON).toBeUndefined();
      expect(made.cache.stats().tiers.l3.corrupt).toBe(1);
      expect(await made.cache.get('k')).toBe('old');
    },
  );

  it('other applications hear nothing of it', async () => {
    const [a, other] = [await make(), await make({ namespace: freshNamespace() })];
    await store(['k'], a, other);
    await a.cache.delete('k');
    await heard();
    expect(other.cache.peek('k')).toBe('old');
  });
});

describe('Redis is away', () => {
  it('killed, delete and tag on A: gone from B’s memory within a second all the same', async () => {
    const redis = await startRedis();
    servers.push(redis);
    const both = { redis: redis.url, budget: 200, partitionTtl: 60_000, mayBeDown: true };
    const [a, b] = [await make(both), await make(both)];
    await store(['k', 'l'], a, b);
    await redis.kill();
    const states = (): string[] => [a, b].map(({ cache }) => cache.stats().tiers.l2.state);
    await expect.poll(states).toEqual(['down', 'down']);
    expect(await a.cache.delete('k')).toMatchObject({ l2: 'queued', durable: true });
    await expect.poll(() => b.cache.peek('k'), SOON).toBeUndefined();
    expect(b.cache.peek('l')).toBe('old');
    await a.cache.invalidateTags(['t']);
    await expect.poll(() => b.cache.peek('l'), SOON).toBeUndefined();
    expect(await b.cache.get('l')).toBeUndefined();
    await redis.restart();
    await expect.poll(states, { timeout: 10_000 }).toEqual(['up', 'up']);
    for (const { cache } of [a, b, await make(both)])
      for (const key of ['k', 'l']) expect(await cache.get(key)).toBeUndefined();
  });

  it('for A alone: B forgets what A deletes, and does not take it from Redis again', async () => {
    const [a, b] = [
      await make({ redis: 'redis://127.0.0.1:1', mayBeDown: true }),
      await make({ redis: redisUrl() }),
    ];
    for (let round = 0; round < 5; round++) {
      const key = `k${round}`;
      await store([key], b);
      expect(await a.cache.delete(key)).toMatchObject({ l2: 'queued', durable: true });
      await expect.poll(() => b.cache.peek(key), { ...SOON, interval: 1 }).toBeUndefined();
      expect(await b.cache.get(key)).toBeUndefined();
    }
    // Paid, and struck.
    await expect.poll(() => b.l3!.book!.debts()).toEqual([]);
  });

  it('for A alone, and it deletes more than fits into a message: gone from B within the second of a look into the outbox', async () => {
    const [a, b] = [
      await make({ redis: 'redis://127.0.0.1:1', mayBeDown: true }),
      await make({ redis: redisUrl() }),
    ];
    const keys = Array.from({ length: 100 }, (_, at) => `${at}:${'k'.repeat(200)}`);
    await store(keys, b);
    await a.cache.deleteMany(keys);
    const left = async (): Promise<number> => (await b.cache.getMany(keys)).size;
    await expect.poll(left, { timeout: 3_000 }).toBe(0);
    await expect.poll(() => b.l3!.book!.debts()).toEqual([]);
    expect(await left()).toBe(0);
  });
});

describe('the connection that listens', () => {
  const LISTENER = 'multi-level-cache listener';

  it('one for each instance with memory, none without; closed, none is left', async () => {
    const [a, b] = [await make(), await make({ redis: redisUrl() })];
    await make({ l1: false });
    expect(await connections(LISTENER)).toBe(2);
    await Promise.all([a.close(), b.close()]);
    await expect.poll(() => connections(LISTENER), SOON).toBe(0);
    await closeCaches();
    await expect.poll(() => connections('multi-level-cache'), SOON).toBe(0);
  });

  it('keeps no process alive', async () => {
    expect(await bootAlone(database)).toBe('v\n');
  });

  it('is not there yet, and nothing else keeps the process alive: boot waits for it', async () => {
    const way = await Proxy.start(database);
    way.holdReply('listen "');
    expect(await bootAlone(way.url)).toBe('v\n');
    await way.stop();
  });

  it('ended by the server, again and again: made anew, memory forgets each time, and nothing is unhandled', async () => {
    const made = await make();
    for (let round = 0; round < 3; round++) {
      const key = `k${round}`;
      await store([key], made);
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = $1',
        [LISTENER],
      );
      await expect.poll(() => made.cache.peek(key), { timeout: 3_000 }).toBeUndefined();
      expect(await connections(LISTENER)).toBe(1);
    }
  });

  it('none through a pooler, where what is changed is announced all the same', async () => {
    const pooler = await startPgBouncer(database);
    servers.push(pooler);
    const [pooled, direct] = [
      await make({ database: pooler.url, l3: { poolerMode: true } }),
      await make(),
    ];
    expect(await connections(LISTENER)).toBe(1);
    await store(['k'], pooled, direct);
    await pooled.cache.delete('k');
    await expect.poll(() => direct.cache.peek('k'), SOON).toBeUndefined();
    await store(['l'], pooled, direct);
    await direct.cache.delete('l');
    await heard();
    expect(pooled.cache.peek('l')).toBe('old');
  });
});
