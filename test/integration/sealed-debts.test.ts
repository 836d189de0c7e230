/** What one store has not taken and the other remembers, sealed: paid by any instance with the secret, and not by what somebody else has written there. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeCaches } from '../support/cache.js';
import { newSecret, sealedCache, type SealedCache } from '../support/sealed.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';

const PATIENCE = { timeout: 5_000 };
const CLEAR = '[["p","default","k"]]';

let redis: Redis;
let admin: pg.Client;
let database: string;
let namespace: string;
let secret: ReturnType<typeof newSecret>;
beforeAll(async () => {
  redis = new Redis(redisUrl());
  database = await freshDatabase();
  admin = new pg.Client({ connectionString: database });
  await admin.connect();
});
afterAll(async () => {
  redis.disconnect();
  await admin.end();
});
beforeEach(() => {
  [namespace, secret] = [freshNamespace(), newSecret()];
});
afterEach(closeCaches);

const make = (key: typeof secret | undefined = secret): Promise<SealedCache> =>
  sealedCache({ namespace, redis: redisUrl(), database }, key);

interface Debt {
  readonly id: string;
  readonly body: string;
}

const BOOKS = {
  l3: {
    read: async (): Promise<Debt[]> =>
      Object.entries(await redis.hgetall(`${namespace}:{~}:debt`)).map(([id, body]) => ({
        id,
        body,
      })),
    write: (id: string, body: string): Promise<unknown> =>
      redis.hset(`${namespace}:{~}:debt`, id, body),
  },
  l2: {
    read: async (): Promise<Debt[]> =>
      (
        await admin.query<Debt>(
          'select id, type || payload as body from mlcache.outbox where app = $1',
          [namespace],
        )
      ).rows,
    write: (id: string, body: string): Promise<unknown> =>
      admin.query(
        `insert into mlcache.outbox (id, app, type, payload, whole, due_at) values ($1, $2, $3, $4, false, now())`,
        [id, namespace, body[0], body.slice(1)],
      ),
  },
};

/** `tier` does not take the next change of `made`, and goes on not taking it. */
async function oweBy(made: SealedCache, tier: 'l2' | 'l3', key: string): Promise<Debt> {
  made[tier]!.failThenStop('apply');
  expect(await made.cache.delete(key)).toMatchObject({ [tier]: 'queued', durable: true });
  const [debt] = await BOOKS[tier].read();
  return debt;
}

describe.each(['l2', 'l3'] as const)('what %s is owed', (tier) => {
  const book = BOOKS[tier];

  it('says nothing of what it is, and is paid by another instance', async () => {
    const issuer = await make();
    await issuer.cache.getOrSet('patient:4711', () => 'old');
    await issuer.cache.drain();
    const debt = await oweBy(issuer, tier, 'patient:4711');
    expect(debt.body).toMatch(/^z[\w-]+$/);
    const other = await make();
    await expect.poll(book.read, PATIENCE).toEqual([]);
    expect(await other.cache.get('patient:4711', { tiers: [tier] })).toBeUndefined();
    expect([issuer.refused, other.refused]).toEqual([[], []]);
  });

  it('is not what somebody wrote there: counted once, left, and nothing is done', async () => {
    const first = await make();
    const debt = await oweBy(first, tier, 'other');
    await first.close();
    await make().then((paying) =>
      expect
        .poll(book.read, PATIENCE)
        .toEqual([])
        .then(() => paying.close()),
    );
    const forged: Debt[] = [
      { id: `${namespace}-1`, body: `d${CLEAR}` },
      { id: `${namespace}-2`, body: 'zAAAA' },
      { id: `${namespace}-3`, body: debt.body },
      { id: `${namespace}-4`, body: '?' },
    ];
    for (const { id, body } of forged) await book.write(id, body);
    const made = await make();
    await made.cache.getOrSet('k', () => 'v');
    await made.cache.drain();
    for (let times = 0; times < 3; times++)
      expect(await made[tier === 'l2' ? 'l3' : 'l2']!.book!.debts()).toEqual([]);
    expect(made.refused).toEqual(forged.map(() => 'debt'));
    expect(await book.read()).toHaveLength(forged.length);
    // The tier is used.
    await expect.poll(async () => made.cache.get('k', { tiers: [tier] }), PATIENCE).toBe('v');
  });

  it('by instances with another secret is left for them', async () => {
    const issuer = await make();
    await issuer.cache.getOrSet('k', () => 'old');
    await issuer.cache.drain();
    await oweBy(issuer, tier, 'k');
    const stranger = await make(newSecret());
    expect(await stranger[tier === 'l2' ? 'l3' : 'l2']!.book!.debts()).toEqual([]);
    expect(await book.read()).toHaveLength(1);
    await make();
    await expect.poll(book.read, PATIENCE).toEqual([]);
  });
});
