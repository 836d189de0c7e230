// Hits in one tier, long enough that all of it is compiled, and then a second of them under the profiler.
import { HOT, TAIL } from '../lib/data.mjs';
import { closeAll, openAll } from '../lib/workers.mjs';
import { OURS } from '../subjects/ours.mjs';

const IN_FLIGHT = 64;
const below = { ask: 'get', way: 'inFlight', order: 'even', width: IN_FLIGHT };

/** By name: what is asked of which tiers. */
export const HITS = {
  l1: {
    title: 'L1, one at a time',
    tiers: 'l1',
    count: HOT,
    task: { ask: 'get', way: 'oneByOne', order: 'popular' },
  },
  l2: { title: `L2, ${IN_FLIGHT} in flight`, tiers: 'l2', count: TAIL, task: below },
  l3: { title: `L3, ${IN_FLIGHT} in flight`, tiers: 'l3', count: TAIL, task: below },
};
const WARM_MS = 3_000;
const PROFILED_MS = 1_000;
const TOP = 8;

/** Whose code a function is, by the file it stands in; the first that fits. */
const GROUPS = [
  ['tiers', /multi-level-cache\/dist\/(tiers|coherence)\//],
  ['manager', /multi-level-cache\/dist\/(manager|core|security|warming)\//],
  ['telemetry', /multi-level-cache\/dist\/|@opentelemetry/],
  ['client', /node_modules\//],
  ['benchmark', /\/bench\//],
];
const NODE = 'Node and V8';
const COLLECTOR = 'collector';

/** Shares of its busy time, and µs of that for one hit. */
export async function profileOf(name, servers) {
  const { title, tiers, count, task } = HITS[name];
  const only = (subject) => subject.name === OURS;
  const opened = await openAll(tiers, servers, { count, only });
  try {
    const [{ ask }] = opened;
    const operations = await ask('countFor', { task, slice: PROFILED_MS });
    for (let spent = 0; spent < WARM_MS;) spent += (await ask('run', { task, operations })).ms;
    const samples = await ask('profile', { task, operations });
    return { title, ...shares(samples, operations) };
  } finally {
    closeAll(opened);
  }
}

/** @param samples - `[function, file, µs]` */
function shares(samples, operations) {
  const busy = samples.filter(([what]) => what !== '(idle)');
  const total = busy.reduce((sum, [, , us]) => sum + us, 0);
  const percent = (us) => `${((100 * us) / total).toFixed(1)} %`;
  const sums = new Map([...GROUPS.map(([name]) => name), NODE, COLLECTOR].map((name) => [name, 0]));
  for (const [what, file, us] of busy) {
    const group = groupOf(what, file);
    sums.set(group, sums.get(group) + us);
  }
  const top = busy.toSorted(([, , one], [, , other]) => other - one).slice(0, TOP);
  return {
    us: (total / operations).toFixed(2),
    groups: [...sums].map(([name, us]) => [name, percent(us)]),
    top: top.map(([what, file, us]) => [
      `\`${[short(file), what].join(' ').trim()}\``,
      percent(us),
    ]),
  };
}

function groupOf(what, file) {
  if (what === '(garbage collector)') return COLLECTOR;
  return GROUPS.find(([, pattern]) => pattern.test(file))?.[0] ?? NODE;
}

const short = (file) =>
  file
    .split('/')
    .slice(-1)[0]
    .replace(/\.m?js$/, '');
