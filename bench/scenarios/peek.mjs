// A look into memory that waits for nothing.
import { HOT } from '../lib/data.mjs';
import { ratios, rowOf } from '../lib/figures.mjs';
import { compare } from '../lib/rounds.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { OURS } from '../subjects/ours.mjs';

export const title = 'Looks into memory';
export const bars = ['P2'];

const RAW = 'lru-cache with ttl';

export async function run(context) {
  const opened = await openAll('l1', context, { count: HOT, only: ({ kind }) => kind !== 'peer' });
  const task = { ask: 'peek', way: 'synchronously', order: 'popular' };
  const table = await compare(
    { title: 'peek, 100 B, without await', base: RAW, opened, task },
    context,
  );
  closeAll(opened);
  const values = ratios(rowOf(table, OURS).values, rowOf(table, RAW).values);
  return { tables: [table], figures: [{ bar: 'P2', what: table.title, values }] };
}
