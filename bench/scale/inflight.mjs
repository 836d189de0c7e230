// How many requests under way at once a tier wants: reads share questions, so more of them cost less each; writes do not.
import { startPostgres, startRedis } from 'throwaway-servers';
import { fill, keyAt, median, openCache, pause, usOf } from './support.mjs';

const WIDTHS = [1, 8, 64, 512];
const KEYS = 1_000;
const SETS = 2_000;
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };

export async function inflight({ trials }) {
  const [redis, postgres] = [await startRedis(), await startPostgres()];
  const open = (name, where) =>
    openCache({ namespace: name, l1: false, defaults: { ttl: '1h' }, ...where });
  const long = { budget: '5s' };
  const second = await open('two', { l2: { url: redis.url, ...long } });
  const third = await open('three', { l3: { url: postgres.url, ...long } });
  // With the budgets that applications have: what a tier does not take in time is owed to it.
  const both = await open('both', { l2: { url: redis.url }, l3: { url: postgres.url } });
  const found = {};
  const push = (name, figure) => (found[name] ??= []).push(figure);
  try {
    for (const { cache } of [second, third]) await fill(cache, { to: KEYS, value });
    for (const width of WIDTHS) {
      const count = width === 1 ? 2_000 : 20_000;
      for (const [name, { cache }] of Object.entries({ L2: second, L3: third })) {
        const us = await usOf({ trials, count, width }, (index) => cache.get(keyAt(index, KEYS)));
        push(`${name} hits`, 1e6 / us);
      }
      const [rates, kept] = [[], []];
      for (let trial = 0; trial < Math.min(trials, 3); trial++) {
        let took = 0;
        const us = await usOf({ trials: 1, count: SETS, width }, async (index) => {
          const receipt = await both.cache.set(keyAt(index, KEYS), value);
          if (receipt.l2 === 'ok' && receipt.l3 === 'ok') took++;
        });
        rates.push(1e6 / us);
        kept.push((100 * took) / (2 * SETS));
        // What is owed is paid before the next one begins.
        await pause(2_000);
      }
      push('sets in L2 and L3', median(rates));
      push('of them taken at once', median(kept));
    }
  } finally {
    await Promise.all([second.app.close(), third.app.close(), both.app.close()]);
    await Promise.all([redis.stop(), postgres.stop()]);
  }
  const column = (name, unit) => ({ name, unit, values: found[name] });
  return {
    title: 'Requests in flight',
    x: { label: 'in flight', values: WIDTHS, log: true },
    columns: [
      column('L2 hits', '/s'),
      column('L3 hits', '/s'),
      column('sets in L2 and L3', '/s'),
      column('of them taken at once', '%'),
    ],
    charts: [
      {
        file: 'scale-inflight.svg',
        title: 'Hits and sets a second, by requests in flight',
        of: ['L2 hits', 'L3 hits', 'sets in L2 and L3'],
      },
    ],
  };
}
