/** What the stores themselves do for encryption: records that are compared before they are replaced, and entries sealed anew only over what they were made of. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { createEntry } from '../../libs/multi-level-cache/src/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { ENTRY, MODE, type Mode } from '../../libs/multi-level-cache/src/tiers/redis/scripts.js';
import { L3 } from '../support/options.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';
import { openVault, rulesWith } from '../support/vault.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

let url: string;
let redis: Redis;
let database: pg.Client;
let namespace: string;

beforeAll(async () => {
  url = await freshDatabase();
  redis = new Redis(redisUrl());
  database = new pg.Client({ connectionString: url });
  await database.connect();
});
afterAll(async () => {
  redis.disconnect();
  await database.end();
});
beforeEach(() => {
  namespace = freshNamespace();
});

function tierOf(name: 'redis' | 'database'): RedisTier | DatabaseTier {
  const deps = { namespace, clock: new SystemClock() };
  return name === 'redis'
    ? new RedisTier({ url: redisUrl(), budget: 1_000 }, deps)
    : new DatabaseTier({ ...L3, url }, deps);
}

describe.each(['redis', 'database'] as const)('records of secrets in %s', (name) => {
  it('are begun once, replaced only as they were read, and each replacement is seen by the revision', async () => {
    const tier = tierOf(name);
    await tier.open(DEAF);
    const { keys } = tier;
    const before = await keys.revision();
    expect(await keys.swap('t:a', undefined, 'one')).toBe(true);
    expect(await keys.swap('t:a', undefined, 'other')).toBe(false);
    expect(await keys.revision()).toBe(before);
    expect(await keys.swap('t:a', 'other', 'two')).toBe(false);
    expect(await keys.revision()).toBe(before);
    expect(await keys.swap('t:a', 'one', 'two')).toBe(true);
    const after = await keys.revision();
    expect(after).not.toBe(before);
    await keys.swap('t:b', undefined, 'b');
    const { now, records } = await keys.read(['t:b', 't:none', 't:a', 'p']);
    expect(records).toEqual(['b', undefined, 'two', undefined]);
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
    await tier.close();
  });

  it('are one of many that want to be first, and are all found page by page', async () => {
    const tier = tierOf(name);
    await tier.open(DEAF);
    const { keys } = tier;
    const tries = Array.from({ length: 20 }, (_zero, at) => keys.swap('t:a', undefined, `${at}`));
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    const names = Array.from({ length: 1_500 }, (_zero, at) => `t:${at}`);
    for (let at = 0; at < names.length; at += 100)
      await Promise.all(
        names.slice(at, at + 100).map((tenant) => keys.swap(tenant, undefined, 'x')),
      );
    await keys.swap('t:1', 'x', 'y');
    const found = new Set<string>();
    let end: string | undefined;
    do {
      const page = await keys.tenants(end);
      for (const tenant of page.tenants) found.add(tenant);
      ({ end } = page);
    } while (end !== undefined);
    expect([...found].toSorted()).toEqual(['t:a', ...names].toSorted());
    await tier.close();
  });
});

describe('an encrypted entry in Redis', () => {
  const ID = Buffer.from('12345678');
  const entry = (id: Buffer, keyId = 1): Buffer => {
    const bytes = Buffer.alloc(100, 0x61);
    bytes[3] = keyId;
    id.copy(bytes, 34);
    return bytes;
  };
  const body = (id: Buffer, ms: string, envelope = Buffer.from('made anew')): Buffer =>
    Buffer.concat([id, Buffer.from(ms), envelope]);

  async function step(mode: Mode, sent: Buffer | string, stored = entry(ID)): Promise<unknown> {
    const [key, lease] = [`${namespace}:e`, `${namespace}:l`];
    await redis.set(key, stored, 'PX', 5_000);
    await redis.set(lease, 'held');
    await redis.eval(ENTRY.lua, 2, key, lease, mode, sent, 0);
    const found = await redis.getBuffer(key);
    const what = found === null ? 'gone' : found.equals(stored) ? 'as it was' : String(found);
    return [what, (await redis.exists(lease)) === 1 ? 'lease held' : 'lease gone'];
  }

  it('is replaced by what was made of it, with its own time to live', async () => {
    for (const mode of [MODE.expire, MODE.touch])
      expect(await step(mode, body(ID, '000000060000'))).toEqual(['made anew', 'lease gone']);
    expect(await step(MODE.reseal, body(ID, '000000060000'))).toEqual(['made anew', 'lease held']);
    expect(await redis.pttl(`${namespace}:e`)).toBeGreaterThan(50_000);
  });

  it('that another one has replaced is removed by expire, and left by touch and sealing', async () => {
    const other = Buffer.from('87654321');
    for (const sent of [body(other, '000000060000'), '']) {
      expect(await step(MODE.expire, sent)).toEqual(['gone', 'lease gone']);
      expect(await step(MODE.touch, sent)).toEqual(['as it was', 'lease gone']);
      expect(await step(MODE.reseal, sent)).toEqual(['as it was', 'lease held']);
    }
  });

  it('is left as it is where there is nothing to change', async () => {
    const leave = body(ID, '000000000000', Buffer.alloc(0));
    expect(await step(MODE.expire, leave)).toEqual(['as it was', 'lease gone']);
    expect(await step(MODE.touch, leave)).toEqual(['as it was', 'lease gone']);
  });
});

it('a row of PostgreSQL is sealed anew only if it is still what was read', async () => {
  const clock = new SystemClock();
  const tier = tierOf('database') as DatabaseTier;
  await tier.open(DEAF);
  const vault = await openVault(namespace, tier.keys, clock);
  const address = new Address(new Scope(namespace, 'p', 'items', rulesWith(vault)), 'k');
  const made = createEntry('v', { ttl: 60_000, grace: 0, tags: [] }, clock.now(), 1, true);
  await tier.apply({ kind: 'set', addresses: [address], entries: [made] });
  await vault.rotate('p', 60_000);
  const row = `tenant = '${namespace}/p'`;
  // Somebody else has replaced it, and has not committed yet: it is read as it was, and sealing it waits for him.
  await database.query('begin');
  await database.query(`update mlcache.entry set value = '\\x00' where ${row}`);
  expect(await tier.read(address)).toMatchObject({ state: 'fresh' });
  const waiting = `select count(*)::int n from pg_stat_activity where wait_event_type = 'Lock' and query like 'update%value = $4%'`;
  const outside = new pg.Client({ connectionString: url });
  await outside.connect();
  await expect.poll(async () => (await outside.query<{ n: number }>(waiting)).rows[0].n).toBe(1);
  await database.query('commit');
  await expect.poll(async () => (await outside.query<{ n: number }>(waiting)).rows[0].n).toBe(0);
  const { rows } = await outside.query<{ value: Buffer }>(
    `select value from mlcache.entry where ${row}`,
  );
  expect(rows[0].value.toString('hex')).toBe('00');
  await outside.end();
  vault.close();
  await tier.close();
});
