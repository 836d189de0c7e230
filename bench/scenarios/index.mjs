// What is measured, in this order. A scenario is a file here with `title`, `needs` (which servers), `bars` (whose figures it has), and
// `run({ redisUrl, postgresUrl, trials, slice, quick })`, which gives `{ tables, figures, notes }`: tables as `compare` makes them, figures
// `{ bar, what, values }` for the judge.
export const SCENARIOS = [
  'l1-hits',
  'peek',
  'decorators',
  'l2-hits',
  'promote',
  'writes',
  'l3-hits',
  'useless-l3',
  'mixed',
  'stampede',
  'invalidation',
  'memory',
  'start',
];
