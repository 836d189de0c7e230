// A thousand callers want a key that nobody has: how often it is loaded, and how much longer than the loader the last of them waits.
import { rowOf } from '../lib/figures.mjs';
import { closeAll, startWorker } from '../lib/workers.mjs';
import { SUBJECTS } from '../subjects/index.mjs';
import { OURS } from '../subjects/ours.mjs';

export const title = 'Stampedes';
export const needs = ['redis'];
export const bars = ['P10'];

const PROGRAM = new URL('../lib/stampede-process.mjs', import.meta.url);
const CALLERS = 1_000;
const LOADER_MS = 100;
/** For every process to be told. */
const NOTICE_MS = 60;
const GROUPS = [1, 4];

/** Memory and Redis; those that have one tier share Redis. */
const tiersOf = ({ tiers }) => ['l1+l2', 'l2'].find((one) => tiers.includes(one));

export async function run(context) {
  const subjects = SUBJECTS.filter((one) => one.kind !== 'raw' && tiersOf(one) !== undefined);
  const tables = [];
  for (const count of GROUPS) {
    const loads = [];
    const times = [];
    for (const subject of subjects) {
      const trials = await stampedes(subject, count, context);
      const { name, kind } = subject;
      loads.push({ name, kind, values: trials.map((trial) => trial.loads) });
      times.push({ name, kind, values: trials.map((trial) => trial.longer) });
    }
    const who = `${CALLERS} callers in ${count === 1 ? 'one process' : `${count} processes`}`;
    tables.push(
      {
        title: `${who}: loads`,
        unit: 'loads',
        better: 'less',
        chart: count === 1 ? undefined : 'stampede',
        count,
        rows: loads,
      },
      { title: `${who}: longer than the loader`, unit: 'ms', better: 'less', count, rows: times },
    );
  }
  const figures = tables.map((table) => ({
    bar: `P10 ${table.unit === 'loads' ? 'loads' : 'time'} ${table.count}`,
    what: table.title,
    values: rowOf(table, OURS).values,
  }));
  return { tables, figures };
}

async function stampedes(subject, count, { redisUrl, trials }) {
  const { file, name } = subject;
  const options = { file, name, tiers: tiersOf(subject), redisUrl };
  const group = await Promise.all(
    Array.from({ length: count }, () => startWorker(PROGRAM, options)),
  );
  try {
    const results = [];
    for (let trial = -1; trial < trials; trial++) {
      const question = {
        key: `${name}:${count}:${trial}`,
        callers: CALLERS / count,
        loaderMs: LOADER_MS,
        at: Date.now() + NOTICE_MS,
      };
      const answers = await Promise.all(group.map(({ ask }) => ask('herd', question)));
      if (trial < 0) continue;
      results.push({
        loads: answers.reduce((sum, { loads }) => sum + loads, 0),
        // Than the loader itself took: a timer of a busy process is late.
        longer:
          Math.max(...answers.map(({ ms }) => ms)) - Math.max(...answers.map(({ took }) => took)),
      });
    }
    return results;
  } finally {
    closeAll(group);
  }
}
