// A hit in memory, as an application waits for it: one at a time, and a hundred at once.
import { HOT, VALUES } from '../lib/data.mjs';
import { bestOf, ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { LAYERED } from '../subjects/layered-loader.mjs';
import { OURS } from '../subjects/ours.mjs';

export const title = 'Hits in memory';
export const bars = ['P1'];

const RAW = 'lru-cache with ttl';
const AT_ONCE = 100;

export async function run(context) {
  const tables = [];
  for (const size of Object.keys(VALUES)) {
    const opened = await openAll('l1', context, { count: HOT, size });
    for (const ask of ['get', 'getOrSet']) {
      const task = { ask, way: 'oneByOne', order: 'popular' };
      const chart = ask === 'get' && size === '100 B' ? 'l1-hit' : undefined;
      const head = { title: `await ${ask}, ${size}`, base: RAW, chart, judged: true };
      tables.push(await compare({ ...head, opened, task }, context));
    }
    if (size === '100 B') {
      const task = { ask: 'get', way: 'together', order: 'popular', width: AT_ONCE };
      const head = { title: `get, ${size}, ${AT_ONCE} at once`, base: RAW };
      tables.push(await compare({ ...head, opened, task }, context));
    }
    closeAll(opened);
  }
  return { tables, figures: tables.filter(({ judged }) => judged).flatMap(figuresOf) };
}

function figuresOf(table) {
  const ours = rowOf(table, OURS).values;
  const others = bestOf(table, ({ kind, name }) => kind === 'peer' && name !== LAYERED);
  return [
    { bar: 'P1 raw', what: table.title, values: ratios(ours, rowOf(table, RAW).values) },
    { bar: 'P1 layered', what: table.title, values: ratios(ours, rowOf(table, LAYERED).values) },
    {
      bar: 'P1 peers',
      what: `${table.title}: ${others.name}`,
      values: ratios(ours, others.values),
    },
  ];
}
