// `npm run history -- [--fault NAME[,NAME]] [--seconds N] [--processes N] [--no-database] [--bound MS] [--mode
// eventual|strong]`: real processes over real servers that fail; every read is recorded and judged. `--bound` is how long
// another process may lag while all is well. Exit code 1: a read was older than allowed.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.mjs';
import { kinds, line, timeline } from './report.mjs';
import { run } from './run.mjs';

const { values } = parseArgs({
  options: {
    fault: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '4' },
    'no-database': { type: 'boolean', default: false },
    bound: { type: 'string', default: '50' },
    mode: { type: 'string', default: 'eventual' },
  },
});

function refuse(why) {
  console.error(why);
  process.exit(2);
}

function whole(name) {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1)
    refuse(`--${name} must be a whole number above 0, not ${values[name]}`);
  return number;
}

const names = Object.keys(FAULTS);
const chosen = values.fault?.split(',').filter(Boolean) ?? names;
const unknown = chosen.find((name) => !names.includes(name));
if (unknown !== undefined) refuse(`--fault knows ${names.join(', ')}, not ${unknown}`);
if (!['eventual', 'strong'].includes(values.mode))
  refuse(`--mode knows eventual and strong, not ${values.mode}`);
const options = {
  seconds: whole('seconds'),
  processes: whole('processes'),
  database: !values['no-database'],
  healthy: whole('bound'),
  mode: values.mode,
};

for (const name of chosen) {
  try {
    const done = await run(name, options);
    console.log(`${line(done)}, load ${os.loadavg()[0].toFixed(1)}`);
    if (done.unpaid > 0) process.exitCode ||= 1;
    if (done.verdict.violations.length === 0) continue;
    console.log(`${kinds(done)}\n${timeline(done)}`);
    process.exitCode ||= 1;
  } catch (error) {
    console.error(`${name}: not run: ${error.message}`);
    process.exitCode = 2;
  }
}
