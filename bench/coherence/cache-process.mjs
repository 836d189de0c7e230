// One application of the benches, in a process of its own.
import { announceAt, now, openCache, pause, serve } from './support.mjs';

const { url, database } = JSON.parse(process.argv[2]);
const { cache } = await openCache({
  ...(url ? { l2: { url, budget: '2s' } } : {}),
  ...(database ? { l3: { url: database, budget: '2s' } } : {}),
  defaults: { ttl: '1h', jitter: 0 },
});

serve({
  /** All of these keys are in memory afterwards. */
  prepare: async (keys) => {
    await cache.getOrSetMany(keys, () => keys.map((key) => [key, { key }]));
    const missing = keys.filter((key) => cache.peek(key) === undefined);
    if (missing.length > 0) throw new Error(`${missing.length} keys did not come into memory`);
  },
  /** Messages come in the order in which they were sent, so the first one is for the first key. */
  listen: (keys) =>
    new Promise((resolve) => {
      const at = [];
      let still = 0;
      const stop = cache.on('invalidate', () => {
        const key = keys[at.push(now()) - 1];
        if (cache.peek(key) !== undefined) still++;
        if (at.length < keys.length) return;
        stop();
        resolve({ at, still });
      });
    }),
  announce: (how) => announceAt(how, (key) => cache.delete(key)),
  /** So many deletes at once, each waited for by a caller of its own; how long all of it took. */
  delete: async ({ keys, callers, consistency }) => {
    const left = [...keys];
    const call = async () => {
      for (let key = left.pop(); key !== undefined; key = left.pop())
        await cache.delete(key, { consistency });
    };
    const began = now();
    await Promise.all(Array.from({ length: callers }, call));
    return now() - began;
  },
  /** So many callers of one key at once; how often its loader ran here, and how long all of it took. */
  herd: async ({ key, callers, loadMs }) => {
    let loads = 0;
    const loader = async () => {
      loads++;
      await pause(loadMs);
      return { key };
    };
    const began = now();
    await Promise.all(Array.from({ length: callers }, () => cache.getOrSet(key, loader)));
    return { loads, ms: now() - began };
  },
});
