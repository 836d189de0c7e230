// Several processes on one Redis, as far as one machine has cores for them.
import { startRedis } from 'throwaway-servers';
import { startGroup } from '../coherence/support.mjs';
import { median, numbers, percentile } from './support.mjs';

const COUNTS = [1, 2, 3, 4];
const KEYS = 1_000;
const READ_MS = 1_500;
const WIDTH = 64;
const MESSAGES = 200;
const RATE = 100;

export async function instances({ trials }) {
  const keys = numbers(KEYS).map((at) => `product:${at}`);
  const rows = [];
  for (const count of COUNTS) {
    const redis = await startRedis();
    const group = await startGroup('../scale/instance.mjs', count, { url: redis.url, l1: false });
    const hits = [];
    try {
      await group.ask(0, 'fill', keys);
      for (let trial = -1; trial < Math.min(trials, 3); trial++) {
        const found = await Promise.all(
          numbers(count).map((at) => group.ask(at, 'read', { keys, ms: READ_MS, width: WIDTH })),
        );
        const sum = found.reduce((total, { result }) => total + result, 0);
        if (trial >= 0) hits.push((sum * 1_000) / READ_MS);
      }
    } finally {
      group.stop();
    }
    const told = count > 1 ? await delivery(redis.url, count, Math.min(trials, 3)) : undefined;
    await redis.stop();
    rows.push({ hits: median(hits), ...told });
  }
  const column = (name, unit, of, digits) => ({ name, unit, values: rows.map(of), digits });
  return {
    title: 'Instances on one Redis',
    x: { label: 'instances', values: COUNTS },
    columns: [
      column('L2 hits of all', '/s', ({ hits }) => hits),
      column('delivery, p50', 'ms', ({ p50 }) => p50 ?? NaN, 2),
      column('delivery, p99', 'ms', ({ p99 }) => p99 ?? NaN, 2),
      column('messages applied for each change', '', ({ each }) => each ?? 0, 2),
    ],
    charts: [
      {
        file: 'scale-instances.svg',
        title: 'L2 hits a second of all instances on one machine',
        of: ['L2 hits of all'],
        linear: true,
      },
    ],
  };
}

/** From the call of `delete` in one process until it is applied in the others. */
async function delivery(url, count, trials) {
  const group = await startGroup('../scale/instance.mjs', count, { url });
  const [p50, p99, each] = [[], [], []];
  try {
    for (let trial = -1; trial < trials; trial++) {
      const keys = numbers(MESSAGES).map((at) => `told:${trial + 1}:${at}`);
      const others = numbers(count - 1).map((at) => group.ask(at + 1, 'listen', MESSAGES));
      const { result: sent } = await group.ask(0, 'announce', { keys, rate: RATE });
      const heard = await Promise.all(others);
      if (trial < 0) continue;
      const times = heard.flatMap(({ result }) => result.map((at, index) => at - sent[index]));
      p50.push(percentile(times, 0.5));
      p99.push(percentile(times, 0.99));
      each.push(times.length / MESSAGES);
    }
  } finally {
    group.stop();
  }
  return { p50: median(p50), p99: median(p99), each: median(each) };
}
