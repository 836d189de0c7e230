// A hit in PostgreSQL with nothing above it.
import { TAIL } from '../lib/data.mjs';
import { ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { OURS } from '../subjects/ours.mjs';
import { ANY, SINGLE } from '../subjects/raw-postgres.mjs';

export const title = 'Hits in PostgreSQL';
export const needs = ['postgres'];
export const bars = ['P11'];

const WIDTHS = [64, 512];

export async function run(context) {
  const opened = await openAll('l3', context, { count: TAIL });
  const tables = [];
  for (const width of WIDTHS) {
    const task = { ask: 'get', way: 'inFlight', order: 'even', width };
    const head = {
      title: `get, 100 B, ${width} in flight`,
      base: SINGLE,
      width,
      chart: `l3-hit-${width}`,
    };
    tables.push(await compare({ ...head, opened, task }, context));
  }
  closeAll(opened);
  return { tables, figures: tables.flatMap(figuresOf) };
}

function figuresOf(table) {
  const { title: what, width } = table;
  const ours = rowOf(table, OURS).values;
  return [
    { bar: `P11 single ${width}`, what, values: ratios(ours, rowOf(table, SINGLE).values) },
    { bar: 'P11 coalesced', what, values: ratios(ours, rowOf(table, ANY).values) },
  ];
}
