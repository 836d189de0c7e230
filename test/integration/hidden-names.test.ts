/** With `hideKeys` no name of a key is to be found in anything that the stores hold or that goes through them. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ResolvedOptions } from '../../libs/multi-level-cache/src/core/options.js';
import { channelOf } from '../../libs/multi-level-cache/src/tiers/database/backplane.js';
import { closeCaches } from '../support/cache.js';
import { newSecret, sealedCache, type SealedCache } from '../support/sealed.js';
import { freshDatabase, freshNamespace, startRedis, type Server } from '../support/servers.js';

const WARMING = {
  interval: 60_000,
  onBoot: false,
  keys: 100,
  budget: 10,
  share: 1,
  concurrency: 1,
} as const;
/** The part of the key that nobody is to see; what stands before it is the name of a group, which is a tag. */
const NAME = 'Grace-Hopper-4711';
const KEY = `patient:${NAME}`;

let server: Server;
let redis: Redis;
let database: string;
let admin: pg.Client;
let namespace: string;
let secret: ReturnType<typeof newSecret>;
/** All that went through the channel. */
let told: string[];
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  [namespace, database, secret, told] = [freshNamespace(), await freshDatabase(), newSecret(), []];
  await redis.flushall();
  admin = new pg.Client({ connectionString: database });
  await admin.connect();
  admin.on('notification', ({ payload }) => void told.push(payload!));
  await admin.query(`listen "${channelOf('mlcache', namespace)}"`);
});
afterEach(async () => {
  await closeCaches();
  await admin.end();
});

const make = (shape: 'both' | 'l3', encrypted = true, hidden = true): Promise<SealedCache> => {
  const keys = { current: 1, keys: { 1: randomBytes(32) } };
  const encryption = encrypted && { masterKeys: () => keys, required: true };
  const more: Partial<ResolvedOptions> = {
    warming: WARMING,
    nameSecret: hidden ? secret : undefined,
    security: { tenancy: 'off', encryption },
  };
  const redisUrl = shape === 'both' ? server.url : undefined;
  return sealedCache({ namespace, redis: redisUrl, database, more }, hidden ? secret : undefined);
};

/** Every name and every value in Redis. */
async function inRedis(): Promise<string[]> {
  const all: string[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    const value =
      type === 'string'
        ? (await redis.getBuffer(key))?.toString('latin1')
        : type === 'hash'
          ? await redis.hgetall(key)
          : type === 'stream'
            ? await redis.xrange(key, '-', '+')
            : // What was owed has been removed between the two questions; its name counts all the same.
              type === 'none'
              ? null
              : expect.fail(`what is a ${type}?`);
    all.push(`${key} ${JSON.stringify(value)}`);
  }
  return all;
}

/** Every row of every table. */
async function inPostgres(): Promise<string[]> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const all: string[] = [];
  for (const { name } of tables) {
    const { rows } = await admin.query<Record<string, unknown>>(`select * from ${name}`);
    for (const row of rows)
      for (const value of Object.values(row))
        all.push(
          `${name} ${Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value)}`,
        );
  }
  return all;
}

async function everything(): Promise<string[]> {
  return [...(await inRedis()), ...(await inPostgres()), ...told];
}

/** The same as bytes of other spellings. */
const SPELLINGS = [
  NAME,
  ...[0, 1, 2].map((shift) =>
    Buffer.from('-'.repeat(shift) + NAME)
      .toString('base64')
      .slice(4, -4),
  ),
  Buffer.from(NAME).toString('hex'),
];

const naming = (all: readonly string[]): string[] =>
  all.filter((text) => SPELLINGS.some((spelling) => text.includes(spelling)));

/** Everything that an application does with a key; `after` looks each time. */
async function use(
  made: SealedCache,
  shape: 'both' | 'l3',
  look: () => Promise<void>,
): Promise<void> {
  const { cache } = made;
  const load = async (): Promise<void> => {
    await cache.getOrSet(KEY, () => 'v', { tags: ['ward'] });
    await cache.drain();
    await look();
  };
  await load();
  for (const change of [
    () => cache.set(KEY, 'w'),
    () => cache.touch(KEY, '1h'),
    () => cache.expire(KEY),
    () => cache.delete(KEY),
    () => cache.invalidateTags(['ward']),
    () => cache.invalidatePattern('patient:*'),
  ]) {
    await change();
    await look();
    await load();
  }
  await cache.mutate({ keys: [KEY] }, look);
  await load();
  for (const tier of shape === 'both' ? (['l2', 'l3'] as const) : []) {
    const stop = made[tier]!.failThenStop('apply');
    expect(await cache.delete(KEY)).toMatchObject({ [tier]: 'queued', durable: true });
    await look();
    stop.pass();
    const book = made[tier === 'l2' ? 'l3' : 'l2']!.book!;
    await expect.poll(() => book.debts(), { timeout: 5_000 }).toEqual([]);
    // Another way may have paid it: it is well again for this process once it takes a change.
    await expect.poll(() => cache.delete(KEY), { timeout: 5_000 }).toMatchObject({ [tier]: 'ok' });
  }
  await cache.warming.leader.ask();
  await load();
  await cache.warming.round();
  await cache.drain();
  await look();
}

describe.each(['both', 'l3'] as const)('with %s of the lower tiers', (shape) => {
  it('no key is named in any value, row or message', async () => {
    const made = await make(shape);
    let looks = 0;
    await use(made, shape, async () => {
      looks++;
      expect(naming(await everything())).toEqual([]);
    });
    expect(looks).toBeGreaterThan(12);
    expect(made.refused).toEqual([]);
    if (shape === 'l3') expect(told.length).toBeGreaterThan(5);
  });

  it('without it all of these would be found', async () => {
    const made = await make(shape, false, false);
    const found = new Set<string>();
    await use(made, shape, async () => {
      for (const text of naming([...(await inRedis()), ...(await inPostgres())]))
        found.add(
          text
            .split(' ')[0]
            .replace(namespace, '')
            .replace(/(:[el]:).*/, '$1'),
        );
      if (naming(told).length > 0) found.add('told');
    });
    const [redisHas, tables] = [[':e:', ':{~}:st', ':{~}:debt'], ['mlcache.outbox']];
    for (const place of shape === 'both' ? [...redisHas, ...tables] : ['told'])
      expect([...found].join(' ')).toContain(place);
  });

  it('only the warming list names keys where values are not encrypted', async () => {
    const made = await make(shape, false);
    const found = new Set<string>();
    await use(made, shape, async () => {
      for (const text of naming(await everything())) found.add(text);
    });
    for (const text of found) expect(text).toMatch(/mlc\.warming|^mlcache\.entry /);
  });
});
