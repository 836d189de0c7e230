// Three tiers under a mixed load over a million keys, beside caches of two tiers; the load comes from a process of its own (bench/load).
import { mixed } from '../load/mixed.mjs';

export const title = 'Mixed load';
export const bars = ['P13'];

export async function run({ quick }) {
  const { half, ratio, subjects } = await mixed({
    seconds: quick ? 1 : 4,
    ...(quick && { requests: 10_000 }),
    flags: [],
  });
  const rows = subjects.map(({ name, kind, rates }) => ({ name, kind, values: rates }));
  const table = {
    chart: 'mixed',
    title: 'a million keys, one of twenty requests a write: requests/s',
    unit: 'requests/s',
    better: 'more',
    rows,
  };
  return {
    tables: [table],
    figures: [
      { bar: 'P13 peers', what: table.title, values: [ratio] },
      // What failed was never answered.
      {
        bar: 'P13 p99',
        what: 'p99 at half that load',
        values: [half.failed > 0 ? Infinity : half.p99],
      },
    ],
    notes: half.failed > 0 ? [`${half.failed} requests failed at half that load`] : [],
  };
}
