// `npm run bench:warming -- --traces DIR [--only NAME,NAME] [--control permuted|joined|silent] [--report FILE] [--restart] [--costs]`: replays
// the timestamped traces of a folder through the planner, its predictors and L1, by a virtual clock, and prints one line of JSON
// for each trace, budget and strategy. DIR/settings.json gives each trace `ttl`, `tick` and, if memory is to be short, `capacity`.
// Exit code 1: a bar was missed; 2: the input is not what it should be.
import { parseArgs } from 'node:util';
import { BETAS, compare } from './warming/compare.mjs';
import { CONTROLS } from './warming/controls.mjs';
import { costs } from './warming/costs.mjs';
import { checkReport, judge, writeReport } from './warming/report.mjs';
import { restart } from './warming/restart.mjs';
import { InputError, readTraces } from './warming/trace.mjs';

const options = {
  traces: { type: 'string' },
  only: { type: 'string' },
  control: { type: 'string' },
  report: { type: 'string' },
  restart: { type: 'boolean', default: false },
  costs: { type: 'boolean', default: false },
};
const NO_TRACES =
  '--traces DIR is missing: a folder of NAME.csv.gz with the columns time_ms,key_id[,size][,group_id]';

try {
  main();
} catch (error) {
  const isInput = error instanceof InputError || error?.code?.startsWith('ERR_PARSE_ARGS');
  if (!isInput) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

function main() {
  const { values } = parseArgs({ options });
  if (values.costs) printCosts();
  if (values.restart) printRestarts(values);
  else if (values.traces !== undefined) replayAll(values);
  else if (!values.costs) throw new InputError(NO_TRACES);
}

function printRestarts({ control, only, report, traces: folder }) {
  if (folder === undefined) throw new InputError(NO_TRACES);
  if (control !== undefined || report !== undefined)
    throw new InputError('--restart goes with --traces and --only alone');
  for (const trace of readTraces(folder, only?.split(',')))
    for (const line of restart(trace)) console.log(JSON.stringify({ trace: trace.name, ...line }));
}

function replayAll({ control, only, report, traces: folder }) {
  if (control !== undefined && !Object.hasOwn(CONTROLS, control))
    throw new InputError(`--control knows ${Object.keys(CONTROLS).join(', ')}, not ${control}`);
  if (report !== undefined) {
    if (control !== undefined) throw new InputError('--report is for traces as they are');
    checkReport(report);
  }
  const traces = readTraces(folder, only?.split(','));
  const judged = [];
  for (const trace of control === undefined ? traces : CONTROLS[control](traces)) {
    const results = [];
    for (const result of compare(trace, BETAS)) {
      console.log(JSON.stringify(result.line));
      results.push(result);
    }
    if (control !== undefined) judgeSilence(trace, results);
    judged.push({ trace, results });
  }
  if (report !== undefined) writeReport(report, judged);
  if (control === undefined) print(judge(judged));
}

/** Nobody is there: whatever is loaded now is loaded for nobody. */
function judgeSilence({ name }, results) {
  const loads = results.reduce((sum, { idleLoads }) => sum + idleLoads, 0);
  print({ line: `${name}: ${loads} loads after 2 ttl without a request`, pass: loads === 0 });
}

function printCosts() {
  for (const cost of costs()) print(cost);
}

/** On stderr: stdout is for whoever reads the lines. */
function print({ line, pass }) {
  console.error(line);
  if (!pass) process.exitCode = 1;
}
