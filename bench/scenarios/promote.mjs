// Absent in memory, present in Redis: found there and brought into memory, each key once; one by one, and a hundred in one call.
import { TAIL } from '../lib/data.mjs';
import { bestOf, ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { isPeer } from '../subjects/index.mjs';
import { OURS } from '../subjects/ours.mjs';
import { COALESCED } from '../subjects/raw-redis.mjs';

export const title = 'From Redis into memory';
export const needs = ['redis'];
export const bars = ['P7', 'P8'];

const IN_FLIGHT = 64;
const BULK = 100;

export async function run(context) {
  const opened = await openAll('l1+l2', context, { count: TAIL });
  const cold = { order: 'once', cold: true };
  const single = await compare(
    {
      chart: 'promote',
      title: `get, memory empty, 100 B, ${IN_FLIGHT} in flight`,
      base: COALESCED,
      opened,
      task: {
        ...cold,
        ask: ['bringUp', 'get'],
        way: 'inFlight',
        width: IN_FLIGHT,
        operations: TAIL,
      },
    },
    context,
  );
  const bulk = await compare(
    {
      chart: 'bulk',
      title: `getMany of ${BULK}, memory empty, 100 B`,
      unit: 'keys/s',
      base: COALESCED,
      opened,
      task: {
        ...cold,
        ask: 'getMany',
        way: 'inBulk',
        width: BULK,
        operations: TAIL - (TAIL % BULK),
      },
    },
    context,
  );
  closeAll(opened);
  return {
    tables: [single, bulk],
    figures: [...figuresOf('P7', single), ...figuresOf('P8', bulk)],
  };
}

function figuresOf(id, table) {
  const ours = rowOf(table, OURS).values;
  const best = bestOf(table, isPeer);
  const { title: what } = table;
  return [
    { bar: `${id} raw`, what, values: ratios(ours, rowOf(table, COALESCED).values) },
    { bar: `${id} peers`, what: `${what}: ${best.name}`, values: ratios(ours, best.values) },
  ];
}
