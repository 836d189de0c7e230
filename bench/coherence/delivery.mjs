// How soon other processes' memory follows an invalidation, against a bare XREAD, or LISTEN, of messages of the same size.
import { startPostgres } from 'throwaway-servers';
import { numbers, percentile, median, spread, startGroup } from './support.mjs';

const PROCESSES = 8;
const RATE = 100;
const MESSAGES = 300;
const ROUNDS = 5;
const DELETES = 1_000;

export async function delivery({ url }) {
  return compared({ url }, './bare-process.mjs', 'delivery', 'bare XREAD');
}

/** The same without Redis. */
export async function notices() {
  // What is announced is safe on disk first.
  const postgres = await startPostgres(undefined, { fsync: 'on' });
  try {
    const where = { database: postgres.url };
    return [
      ...(await compared(where, './bare-listener.mjs', 'delivery without Redis', 'bare LISTEN')),
      await deletes(where),
    ];
  } finally {
    await postgres.stop();
  }
}

async function compared(where, bareProcess, what, name) {
  const groups = {};
  try {
    groups.cache = await startGroup('./cache-process.mjs', PROCESSES, where);
    groups.bare = await startGroup(bareProcess, PROCESSES, where);
    const figures = { cache: { p50: [], p99: [] }, bare: { p50: [], p99: [] } };
    let kept = 0;
    for (let round = -1; round < ROUNDS; round++) {
      for (const [of, group] of Object.entries(groups)) {
        const keys = numbers(MESSAGES).map((index) => `${round + 1}:${index}`);
        const { times, still } = await once(group, keys);
        if (round < 0) continue;
        kept += still;
        figures[of].p50.push(percentile(times, 0.5));
        figures[of].p99.push(percentile(times, 0.99));
      }
    }
    const compare = (which) => {
      const [cache, bare] = [figures.cache[which], figures.bare[which]];
      const ratio = (median(cache) / median(bare)).toFixed(2);
      return `${which} ${spread(cache, 2)} ms, ${ratio}x of ${name}, ${spread(bare, 2)} ms (bar: 2x)`;
    };
    const title = `${what} to ${PROCESSES - 1} processes at ${RATE}/s`;
    return [
      `${title}: ${compare('p50')}`,
      `${title}: ${compare('p99')}`,
      ...(kept > 0 ? [`${title}: ${kept} entries were still there when they were told gone`] : []),
    ];
  } finally {
    for (const group of Object.values(groups)) group.stop();
  }
}

/** Announcements are committed one after the other, whoever makes them; deletes that tell nobody are not. */
async function deletes(where) {
  const group = await startGroup('./cache-process.mjs', 2, where);
  try {
    const rates = { eventual: [], local: [] };
    for (let round = -1; round < ROUNDS; round++) {
      for (const consistency of Object.keys(rates)) {
        const keys = numbers(DELETES).map((index) => `${consistency}:${round + 1}:${index}`);
        const half = { callers: 8, consistency };
        const times = await Promise.all(
          numbers(2).map((index) =>
            group.ask(index, 'delete', { ...half, keys: keys.map((key) => `${index}:${key}`) }),
          ),
        );
        const ms = Math.max(...times.map(({ result }) => result));
        if (round >= 0) rates[consistency].push((2 * DELETES * 1_000) / ms);
      }
    }
    const ratio = (median(rates.eventual) / median(rates.local)).toFixed(2);
    return `deletes of 16 callers in 2 processes without Redis: ${spread(rates.eventual, 0)}/s, ${ratio}x of those that tell nobody, ${spread(rates.local, 0)}/s`;
  } finally {
    group.stop();
  }
}

/** One process announces, the others listen; all times from the call until the message has done its work. */
async function once(group, keys) {
  await group.ask(0, 'prepare', keys);
  const listeners = numbers(PROCESSES).slice(1);
  // One after the other: the first has brought the entries where the others find them.
  for (const index of listeners) await group.ask(index, 'prepare', keys);
  const heard = listeners.map((index) => group.ask(index, 'listen', keys));
  const { result: sent } = await group.ask(0, 'announce', { keys, rate: RATE });
  const answers = (await Promise.all(heard)).map(({ result }) => result);
  return {
    times: answers.flatMap(({ at }) => at.map((time, index) => time - sent[index])),
    still: answers.reduce((sum, { still }) => sum + still, 0),
  };
}
