// `npm run soak -- [--minutes N] [--only calm,faults] [--processes N] [--rate N] [--seed N] [--bound MS]`: an application of several
// processes under steady load, for some minutes without faults and for some with random ones. `--bound` is how long another
// process may lag while all is well. Exit code 1: a target was missed; 2: it could not be run.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { kinds, timeline } from '../history/report.mjs';
import { run } from './run.mjs';
import { data, remarks, table, targets } from './targets.mjs';

const STRETCHES = ['calm', 'faults'];

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    only: { type: 'string' },
    processes: { type: 'string', default: '3' },
    rate: { type: 'string', default: '400' },
    seed: { type: 'string' },
    bound: { type: 'string', default: '50' },
  },
});

function refuse(why) {
  console.error(why);
  process.exit(2);
}

function whole(name, text = values[name]) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    refuse(`--${name} must be a whole number above 0, not ${text}`);
  return number;
}

const chosen = values.only?.split(',').filter(Boolean) ?? STRETCHES;
const unknown = chosen.find((name) => !STRETCHES.includes(name));
if (unknown !== undefined) refuse(`--only knows ${STRETCHES.join(', ')}, not ${unknown}`);
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 1_440)) refuse(`--minutes must be above 0, not ${values.minutes}`);
const seed = whole('seed', values.seed ?? String(1 + Math.floor(Math.random() * 2 ** 31)));
const options = {
  seconds: minutes * 60,
  processes: whole('processes'),
  perSecond: whole('rate'),
  seed,
  healthy: whole('bound'),
};

const where = `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}`;
const date = new Date().toISOString().slice(0, 10);
console.log(
  `${where}, ${date}; ${options.perSecond} requests/s over ${options.processes} processes; seed ${seed}`,
);
const stretches = [];
let pass = true;
for (const name of chosen) {
  const load = os.loadavg()[0].toFixed(1);
  try {
    const done = await run(name, options);
    const lines = targets(done);
    console.log(
      `${name}, ${minutes} min, load average ${load} before, ${os.loadavg()[0].toFixed(1)} after`,
    );
    console.log([table(lines), ...remarks(done)].join('\n'));
    for (const { text } of done.log.unhandled.slice(0, 3)) console.log(`  not handled: ${text}`);
    for (const { text } of done.log.errors.slice(0, 3)) console.log(`  failed: ${text}`);
    for (const text of done.down) console.log(`  ${text}`);
    if (done.wrong > 0) console.log(`${kinds(done)}\n${timeline(done)}`);
    pass &&= lines.every(({ met }) => met);
    stretches.push({ ...data(done), load: Number(load), met: lines.every(({ met }) => met) });
  } catch (error) {
    console.error(`${name}: not run: ${error.message}`);
    process.exit(2);
  }
}
console.log(
  JSON.stringify({
    command: 'soak',
    date,
    where,
    seed,
    rate: options.perSecond,
    processes: options.processes,
    stretches,
    pass,
  }),
);
process.exitCode = pass ? 0 : 1;
