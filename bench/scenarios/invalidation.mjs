// What one deletion, heard by every instance, costs Redis.
import { measureInvalidation } from '../coherence/invalidation.mjs';

export const title = 'Invalidations';
export const needs = ['redis'];
export const bars = ['P15'];

export async function run({ redisUrl, trials, quick }) {
  const settings = quick ? { rounds: 1, deletes: 200 } : { rounds: trials };
  const { cpu, trips, times } = await measureInvalidation({ url: redisUrl }, settings);
  const table = (head, { cache, raw }) => ({
    title: head,
    better: 'less',
    unit: 'µs',
    base: 'UNLINK + XADD in MULTI',
    rows: [
      { name: 'multi-level-cache', kind: 'ours', values: cache },
      { name: 'UNLINK + XADD in MULTI', kind: 'raw', values: raw },
    ],
  });
  return {
    tables: [table('delete, Redis CPU', cpu), table('delete, until it resolves', times)],
    figures: [
      { bar: 'P15 cpu', what: 'delete', values: cpu.cache },
      { bar: 'P15 trips', what: 'delete', values: trips },
    ],
  };
}
