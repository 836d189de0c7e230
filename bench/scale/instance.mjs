// One of several applications on one Redis, in a process of its own.
import { announceAt, now, openCache, serve } from '../coherence/support.mjs';
import { processCpuUs } from './support.mjs';

const { url, l1 = true } = JSON.parse(process.argv[2]);
const { cache } = await openCache({
  ...(l1 ? {} : { l1: false }),
  l2: { url, budget: '5s' },
  defaults: { ttl: '1h', jitter: 0 },
});
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };

serve({
  fill: (keys) => cache.setMany(keys.map((key) => [key, value])).then(() => true),
  prepare: (keys) => cache.getMany(keys).then((found) => found.size),
  /** Hits for so many ms, so many under way; how many. */
  read: async ({ keys, ms, width }) => {
    const end = now() + ms;
    let hits = 0;
    const worker = async (at) => {
      for (let index = at; now() < end; index += width) {
        if ((await cache.get(keys[index % keys.length])) === undefined) throw new Error('no hit');
        hits++;
      }
    };
    await Promise.all(Array.from({ length: width }, (_none, at) => worker(at)));
    return hits;
  },
  /** When each of so many messages was applied. */
  listen: (count) =>
    new Promise((resolve) => {
      const at = [];
      const stop = cache.on('invalidate', () => {
        at.push(now());
        if (at.length < count) return;
        stop();
        resolve(at);
      });
    }),
  announce: (how) => announceAt(how, (key) => cache.delete(key)),
  /** So many deletes, some of them at a time. */
  deletes: async ({ keys, width }) => {
    let next = 0;
    const worker = async () => {
      while (next < keys.length) await cache.delete(keys[next++]);
    };
    const began = now();
    await Promise.all(Array.from({ length: width }, worker));
    return now() - began;
  },
  spent: async () => ({
    us: processCpuUs(),
    at: now(),
    received: cache.stats().backplane.received,
  }),
});
