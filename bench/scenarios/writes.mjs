// A write into memory and Redis, until it is in both. Ours fences loads off and tells other instances; the others do neither.
import { TAIL } from '../lib/data.mjs';
import { bestOf, ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { isPeer } from '../subjects/index.mjs';
import { OURS } from '../subjects/ours.mjs';
import { COALESCED } from '../subjects/raw-redis.mjs';

export const title = 'Writes';
export const needs = ['redis'];
export const bars = ['P9'];

const WRITERS = 64;

export async function run(context) {
  const opened = await openAll('l1+l2', context, { count: TAIL });
  const task = { ask: 'set', way: 'writing', order: 'even', width: WRITERS };
  const heading = `set in memory and Redis, 100 B, ${WRITERS} in flight`;
  const head = { title: heading, chart: 'write', base: COALESCED };
  const table = await compare({ ...head, opened, task }, context);
  closeAll(opened);
  const ours = rowOf(table, OURS).values;
  const best = bestOf(table, isPeer);
  return {
    tables: [table],
    figures: [
      { bar: 'P9 raw', what: heading, values: ratios(ours, rowOf(table, COALESCED).values) },
      { bar: 'P9 peers', what: `${heading}: ${best.name}`, values: ratios(ours, best.values) },
    ],
  };
}
