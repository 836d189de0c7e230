// How soon other processes' memory follows an invalidation, against a bare XREAD of messages of the same size.
import { numbers, percentile, median, spread, startGroup } from './support.mjs';

const PROCESSES = 8;
const RATE = 100;
const MESSAGES = 300;
const ROUNDS = 5;

export async function delivery(redis) {
  const groups = {};
  try {
    groups.cache = await startGroup('./cache-process.mjs', PROCESSES, { url: redis.url });
    groups.bare = await startGroup('./bare-process.mjs', PROCESSES, { url: redis.url });
    const figures = { cache: { p50: [], p99: [] }, bare: { p50: [], p99: [] } };
    let kept = 0;
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, group] of Object.entries(groups)) {
        const keys = numbers(MESSAGES).map((index) => `${round + 1}:${index}`);
        const { times, still } = await once(group, keys);
        if (round < 0) continue;
        kept += still;
        figures[name].p50.push(percentile(times, 0.5));
        figures[name].p99.push(percentile(times, 0.99));
      }
    }
    const compare = (which) => {
      const [cache, bare] = [figures.cache[which], figures.bare[which]];
      const ratio = (median(cache) / median(bare)).toFixed(2);
      return `${which} ${spread(cache, 2)} ms, ${ratio}x of bare XREAD, ${spread(bare, 2)} ms (bar: 2x)`;
    };
    const title = `delivery to ${PROCESSES - 1} processes at ${RATE}/s`;
    return [
      `${title}: ${compare('p50')}`,
      `${title}: ${compare('p99')}`,
      ...(kept > 0 ? [`${title}: ${kept} entries were still there when they were told gone`] : []),
    ];
  } finally {
    for (const group of Object.values(groups)) group.stop();
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
