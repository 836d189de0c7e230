// A hit in Redis with no memory above it: one at a time, and as many at once as a busy server has.
import { TAIL } from '../lib/data.mjs';
import { bestOf, ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { isPeer } from '../subjects/index.mjs';
import { OURS } from '../subjects/ours.mjs';
import { COALESCED, ONE } from '../subjects/raw-redis.mjs';

export const title = 'Hits in Redis';
export const needs = ['redis'];
export const bars = ['P5', 'P6', 'P16'];

/** Large values are fewer: every subject has its own copy in Redis. */
const SIZES = [
  { size: '100 B', count: TAIL, widths: [1, 64, 512] },
  { size: '1 KiB', count: TAIL / 4, widths: [64] },
  { size: '10 KiB', count: TAIL / 16, widths: [64] },
];

export async function run(context) {
  const tables = [];
  for (const { size, count, widths } of SIZES) {
    const opened = await openAll('l2', context, { count, size });
    for (const width of widths) {
      const chart = size === '100 B' && width > 1 ? `l2-hit-${width}` : undefined;
      const head = { title: `get, ${size}, ${width} in flight`, size, width, chart };
      const base = width === 1 ? ONE : COALESCED;
      const task = { ask: 'get', way: 'inFlight', order: 'even', width };
      tables.push(await compare({ ...head, base, opened, task }, context));
    }
    closeAll(opened);
  }
  return { tables, figures: tables.flatMap(figuresOf) };
}

function figuresOf(table) {
  const { title: what, size, width, base } = table;
  const ours = rowOf(table, OURS).values;
  const ofRaw = ratios(ours, rowOf(table, base).values);
  if (size !== '100 B') return [{ bar: 'P16', what, values: ofRaw }];
  if (width === 1) return [{ bar: 'P6', what, values: ofRaw }];
  const best = bestOf(table, isPeer);
  return [
    { bar: 'P5 raw', what, values: ofRaw },
    { bar: `P5 peers ${width}`, what: `${what}: ${best.name}`, values: ratios(ours, best.values) },
  ];
}
