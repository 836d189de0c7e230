// What row-level security costs a read of L3: one key, and many in one statement, with and without, in turns.
import pg from 'pg';
import { rowSecurity } from 'nestjs-multi-level-cache';
import { bar, median, openCache } from '../resilience/support.mjs';

const KEYS = Array.from({ length: 500 }, (_none, at) => `product:${at}`);
const SINGLE = 500;
const BULK = 40;
const ONLY = { tiers: ['l3'] };

export async function walls({ postgres }, { trials }) {
  const options = { l1: false, defaults: { ttl: '1h', grace: 0 }, placement: false };
  const plain = await openCache({ ...options, namespace: 'plain', l3: { url: postgres.url } });
  const url = await walledUrl(postgres.url);
  const l3 = { url, rowSecurity: true, migrate: false };
  const walled = await openCache({ ...options, namespace: 'walled', l3 });
  for (const { cache } of [plain, walled]) {
    for (const key of KEYS) await cache.getOrSet(key, () => ({ key, price: 19.99 }));
    await cache.drain();
  }
  const [one, many] = [[], []];
  for (let trial = 0; trial < trials; trial++) {
    const before = await timesOf(plain.cache);
    const behind = await timesOf(walled.cache);
    one.push(behind.one / before.one);
    many.push(behind.many / before.many);
  }
  await Promise.all([plain, walled].map(({ app }) => app.close()));
  const times = { unit: 'x', digits: 2 };
  return [
    bar('a read of one key, of the time without row-level security', one, times),
    bar(`a read of ${KEYS.length} keys, of the time without`, many, times),
  ];
}

/** For a user that owns nothing. */
async function walledUrl(ownerUrl) {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query("create role walled login password 'walled'");
  for (const sql of rowSecurity({ namespace: 'walled', role: 'walled' })) await owner.query(sql);
  await owner.end();
  return Object.assign(new URL(ownerUrl), { username: 'walled', password: 'walled' }).href;
}

async function timesOf(cache) {
  const times = { one: [], many: [] };
  for (let at = 0; at < SINGLE; at++)
    times.one.push(await timed(() => cache.get(KEYS[at % KEYS.length], ONLY)));
  for (let at = 0; at < BULK; at++) times.many.push(await timed(() => cache.getMany(KEYS, ONLY)));
  return { one: median(times.one), many: median(times.many) };
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
