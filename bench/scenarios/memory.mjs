// What an entry of about 100 bytes takes in memory.
import { ratios, rowOf } from '../lib/figures.mjs';
import { startWorker } from '../lib/workers.mjs';
import { subjectsOf } from '../subjects/index.mjs';
import { OURS } from '../subjects/ours.mjs';

export const title = 'Memory';
export const bars = ['P12'];

const PROGRAM = new URL('../lib/memory-process.mjs', import.meta.url);
const RAW = 'lru-cache with ttl';
const ENTRIES = { quick: 10_000, whole: 100_000 };
/** It hardly varies. */
const MOST_TRIALS = 3;

export async function run({ trials, quick }) {
  const count = quick ? ENTRIES.quick : ENTRIES.whole;
  const rows = subjectsOf('l1').map(({ file, name, kind }) => ({ file, name, kind, values: [] }));
  for (let trial = 0; trial < Math.min(trials, MOST_TRIALS); trial++)
    for (const { file, name, values } of rows)
      values.push((await startWorker(PROGRAM, { file, name, count })).first);
  const table = {
    title: `one of ${count} entries`,
    chart: 'memory',
    unit: 'bytes',
    better: 'less',
    base: RAW,
    rows,
  };
  const values = ratios(rowOf(table, OURS).values, rowOf(table, RAW).values);
  return { tables: [table], figures: [{ bar: 'P12', what: table.title, values }] };
}
