// A subject is filled, and seen to answer rightly from the right tier before anything of it is timed.
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import { commandsSent, commandStats } from './command-stats.mjs';

const AT_ONCE = 64;
const LOOKS = 32;
const TRIES = 3;

/** Puts every key in, and sees that it is there: a store that has just begun may refuse for a moment. */
export async function fill(cache, keys, valueOf) {
  let missing = keys;
  for (let tries = 0; missing.length > 0; tries++) {
    if (tries === TRIES) throw new Error(`${missing.length} keys were not kept`);
    await each(missing, (key) => cache.set(key, valueOf(key)));
    const absent = [];
    await each(missing, async (key) => (await cache.get(key)) === undefined && absent.push(key));
    missing = absent;
  }
}

async function each(keys, work) {
  let at = 0;
  const worker = async () => {
    while (at < keys.length) await work(keys[at++]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** @throws where an answer is wrong, or comes from a tier other than it should */
export async function check({ name, bare }, cache, { tiers, redisUrl, keys, valueOf }) {
  const expected = (key) => (bare ? JSON.stringify(valueOf(key)) : valueOf(key));
  const asked = keys.slice(0, LOOKS);
  const bringUp = cache.bringUp ?? cache.get;
  const must = (right, what) => {
    if (!right) throw new Error(`${name} in ${tiers}: ${what}`);
  };
  const read = async (get) => {
    for (const key of asked) {
      const found = await get(key);
      must(isDeepStrictEqual(plain(found), expected(key)), `${key} is ${JSON.stringify(found)}`);
    }
  };
  await read(cache.get);
  if (cache.getMany) {
    const values = [...(await cache.getMany(asked)).values()];
    must(isDeepStrictEqual(values.map(plain), asked.map(expected)), 'many are wrong');
  }
  if (!redisUrl || !tiers.includes('l2')) return;
  const cold = await commandsOf(redisUrl, async () => {
    await cache.dropMemory?.();
    await read(bringUp);
  });
  must(cold > 0, 'Redis was not asked');
  if (!tiers.includes('l1')) return;
  const warm = await commandsOf(redisUrl, () => read(bringUp));
  must(warm < LOOKS / 4, `Redis is asked for what is in memory: ${warm} commands`);
}

/** Values may be shared and frozen, or instances of what a store makes of objects. */
const plain = (value) => (typeof value === 'string' ? value : { ...value });

async function commandsOf(url, work) {
  const admin = new Redis(url);
  await admin.config('RESETSTAT');
  await work();
  const sent = commandsSent(await commandStats(admin));
  admin.disconnect();
  return sent;
}
