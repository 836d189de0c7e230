// A hit in memory through a method or function that caches by itself; who has none answers by `getOrSet`.
import { HOT } from '../lib/data.mjs';
import { bestOf, ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { LAYERED } from '../subjects/layered-loader.mjs';
import { OURS } from '../subjects/ours.mjs';

export const title = 'Methods that cache';
export const bars = ['P3', 'P4'];

const RAW = 'lru-cache with ttl';

export async function run(context) {
  const opened = await openAll('l1', context, { count: HOT });
  const way = { way: 'oneByOne', order: 'popular' };
  const keyed = await compare(
    {
      title: '`@Cached` with a `key` function, 100 B',
      base: RAW,
      opened,
      task: { ...way, ask: ['keyed', 'wrapped', 'getOrSet'] },
    },
    context,
  );
  const plain = await compare(
    {
      title: '`@Cached` with the default key, one string, 100 B',
      base: RAW,
      opened,
      task: { ...way, ask: ['wrapped', 'getOrSet'] },
    },
    context,
  );
  closeAll(opened);
  return { tables: [keyed, plain], figures: figuresOf(keyed, plain) };
}

function figuresOf(keyed, plain) {
  const of = (table, name) => rowOf(table, name).values;
  const best = bestOf(plain, ({ kind, name }) => kind === 'peer' && name !== LAYERED);
  const ours = of(plain, OURS);
  return [
    { bar: 'P3', what: keyed.title, values: ratios(of(keyed, OURS), of(keyed, RAW)) },
    { bar: 'P4 raw', what: plain.title, values: ratios(ours, of(plain, RAW)) },
    { bar: 'P4 peers', what: `${plain.title}: ${best.name}`, values: ratios(ours, best.values) },
  ];
}
