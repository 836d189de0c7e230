// A miss in memory and Redis whose loader is cheaper than PostgreSQL: what it costs to have that tier all the same.
import { ratios } from '../lib/figures.mjs';
import { startWorker } from '../lib/workers.mjs';

export const title = 'A tier that is of no use';
export const needs = ['redis', 'postgres'];
export const bars = ['P14'];

const PROGRAM = new URL('../lib/miss-process.mjs', import.meta.url);
const OFF = 'L1 and L2';

export async function run({ redisUrl, postgresUrl, trials, quick }) {
  const amount = quick ? { misses: 500, pairs: 1 } : { misses: 2_048, pairs: 8 };
  const options = { name: 'misses', redisUrl, postgresUrl, trials, ...amount };
  const { first } = await startWorker(PROGRAM, options);
  const [off, on] = first;
  const rows = [
    { name: OFF, kind: 'ours', values: off },
    { name: 'L1, L2 and L3', kind: 'ours', values: on },
  ];
  const table = {
    title: 'getOrSet of an absent key, 64 in flight',
    unit: 'µs',
    better: 'less',
    base: OFF,
    rows,
  };
  return { tables: [table], figures: [{ bar: 'P14', what: table.title, values: ratios(on, off) }] };
}
