/** Sealed messages through a real PostgreSQL, without Redis: heard by the others, and whatever is forged or told twice is refused, counted, and changes nothing. */
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { channelOf } from '../../libs/multi-level-cache/src/tiers/database/backplane.js';
import { closeCaches } from '../support/cache.js';
import { newSecret, sealedCache, type SealedCache } from '../support/sealed.js';
import { freshDatabase, freshNamespace } from '../support/servers.js';

const SOON = { timeout: 1_000 };
const PARTITION_MS = 1_500;

let namespace: string;
let database: string;
let channel: string;
let secret: ReturnType<typeof newSecret>;
let admin: pg.Client;
let told: string[];
beforeEach(async () => {
  [namespace, database, secret, told] = [freshNamespace(), await freshDatabase(), newSecret(), []];
  channel = channelOf('mlcache', namespace);
  admin = new pg.Client({ connectionString: database });
  await admin.connect();
  admin.on('notification', ({ payload }) => void told.push(payload!));
  await admin.query(`listen "${channel}"`);
});
afterEach(async () => {
  await closeCaches();
  await admin.end();
});

const make = (
  key: typeof secret | undefined = secret,
  partitionTtl = PARTITION_MS,
): Promise<SealedCache> => sealedCache({ namespace, database, partitionTtl }, key);
const forge = (message: string): Promise<unknown> =>
  admin.query('select pg_notify($1, $2)', [channel, message]);

async function known(made: readonly SealedCache[], ...keys: readonly string[]): Promise<void> {
  for (const { cache } of made)
    for (const key of keys) {
      await cache.getOrSet(key, () => 'old', { tags: ['t'] });
      await cache.drain();
      expect(cache.peek(key)).toBe('old');
    }
}

async function heardBy(b: SealedCache, a: SealedCache): Promise<void> {
  const held = async (): Promise<unknown> => (
    await b.cache.getOrSet('bell', () => 'bell'),
    b.cache.peek('bell')
  );
  await expect.poll(held, SOON).toBe('bell');
  await a.cache.delete('bell');
  await expect.poll(() => b.cache.peek('bell'), SOON).toBeUndefined();
}

const CHANGES: Readonly<Record<string, (made: SealedCache) => Promise<unknown>>> = {
  delete: ({ cache }) => cache.delete('patient:4711'),
  set: ({ cache }) => cache.set('patient:4711', 'new'),
  expire: ({ cache }) => cache.expire('patient:4711'),
  touch: ({ cache }) => cache.touch('patient:4711', '1h'),
  tags: ({ cache }) => cache.invalidateTags(['t']),
  clear: ({ cache }) => cache.clear(),
  mutate: ({ cache }) => cache.mutate({ keys: ['patient:4711'] }, () => Promise.resolve()),
};

it.each(Object.entries(CHANGES))(
  '%s is heard, and tells nobody else anything',
  async (_what, change) => {
    const [a, b] = [await make(), await make()];
    await known([a, b], 'patient:4711');
    await change(a);
    await expect.poll(() => b.cache.peek('patient:4711'), SOON).not.toBe('old');
    await admin.query('select 1');
    expect(told.length).toBeGreaterThan(0);
    for (const message of told) expect(message).toMatch(/^z [\w-]+$/);
    expect([a.refused, b.refused]).toEqual([[], []]);
  },
);

it('a guard is heard: nothing that is loaded meanwhile is kept', async () => {
  const [a, b] = [await make(), await make()];
  await known([a, b], 'k');
  let end!: () => void;
  const written = new Promise<void>((resolve) => (end = resolve));
  const write = a.cache.mutate({ keys: ['k'] }, () => written);
  await expect.poll(() => b.cache.peek('k'), SOON).toBeUndefined();
  await b.cache.getOrSet('k', () => 'meanwhile');
  expect(b.cache.peek('k')).toBeUndefined();
  end();
  await write;
});

describe('what is not true', () => {
  it('is refused and counted; nothing is evicted, and what comes after is heard', async () => {
    const [a, b] = [await make(secret, 60_000), await make(secret, 60_000)];
    await known([a, b], 'k');
    await a.cache.delete('k');
    await a.cache.invalidateTags(['t']);
    await heardBy(b, a);
    await known([a, b], 'k');
    await admin.query('select 1');
    const replayed = [...told];
    expect(replayed.length).toBeGreaterThanOrEqual(3);
    const forged = [
      'rubbish',
      'z',
      'z AAAA',
      'another - d [["p","default","k"]]',
      'another - t ["p",["t"]]',
      'another - *',
      ...replayed.map((message) => message.slice(0, -2)),
      ...replayed.map((message) => `${message} d [["p","default","k"]]`),
    ];
    const all = [...replayed, ...forged];
    for (const message of all) await forge(message);
    for (const { refused, cache } of [a, b]) {
      await expect.poll(() => refused.length, SOON).toBe(all.length);
      expect(cache.stats().tiers.l3.corrupt).toBe(all.length);
      expect(cache.peek('k')).toBe('old');
    }
    await heardBy(b, a);
    await heardBy(a, b);
    for (const { cache } of [a, b]) expect(cache.peek('k')).toBe('old');
  });

  it('does not empty memory more often than once in partitionTtl', async () => {
    const made = await make();
    let emptied = 0;
    const until = Date.now() + 4 * PARTITION_MS;
    while (Date.now() < until) {
      await forge('rubbish');
      if (made.cache.peek('k') !== undefined) continue;
      emptied++;
      await known([made], 'k');
    }
    // Once for being new.
    expect(emptied - 1).toBeGreaterThanOrEqual(1);
    expect(emptied - 1).toBeLessThanOrEqual(4);
  }, 15_000);
});

it.each([
  ['another secret', newSecret],
  ['none', () => undefined],
])(
  'what an instance with %s deletes is not served for longer than partitionTtl',
  async (_what, other) => {
    const [a, stranger] = [await make(), await sealedCache({ namespace, database }, other())];
    await known([a], 'k');
    await stranger.cache.delete('k');
    await expect.poll(() => a.refused.length, SOON).toBeGreaterThan(0);
    expect(a.cache.peek('k')).toBe('old');
    await expect.poll(() => a.cache.peek('k'), { timeout: PARTITION_MS + 500 }).toBeUndefined();
  },
);
