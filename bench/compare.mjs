// `npm run bench [-- --only l1-hits,l2-hits] [-- --trials 5] [-- --quick] [-- --write] [-- --json FILE]`: this library, the raw libraries
// under it, and other caches, at the same work on the same servers; medians of rounds in turn, with the least and the most, and each bar.
// `--quick` judges nothing; `--write` puts the results into docs/performance.md; `--json` leaves all figures in a file. Exit code 1: a bar
// was missed, or not judged (with `--quick`: a scenario failed); 2: wrong arguments.
import { writeFileSync } from 'node:fs';
import { exitCodeOf, judge } from './lib/bars.mjs';
import { write } from './lib/document.mjs';
import { machine } from './lib/machine.mjs';
import { options } from './lib/options.mjs';
import { scenarioLines, verdictLines } from './lib/report.mjs';
import { runScenario } from './lib/run-scenario.mjs';
import { serverVersions } from './lib/server-versions.mjs';
import { SCENARIOS } from './scenarios/index.mjs';
import { versions } from './subjects/index.mjs';

const asked = options();
const print = (lines) => console.log(lines.join('\n'));
// Throwaway servers keep no process alive, and there is nothing else between two scenarios.
const alive = setInterval(() => undefined, 1_000);

const facts = [...machine(), ...(await serverVersions()), ...versions()];
print(facts.map(([name, value]) => `${name} ${value}`));
const runs = [];
const covered = new Set();
for (const name of asked.chosen) {
  const scenario = await import(`./scenarios/${name}.mjs`);
  for (const id of scenario.bars) covered.add(id);
  runs.push(await runScenario(scenario, asked));
  print(scenarioLines(runs.at(-1)));
}
// A whole run owes every bar, those that nothing measures too.
const whole = asked.chosen.length === SCENARIOS.length;
const verdicts = judge(runs, ({ id }) => whole || covered.has(id));
print(verdictLines(verdicts));
const results = { facts, runs, verdicts };
if (asked.json) writeFileSync(asked.json, JSON.stringify(results));
if (asked.write) await write(results);
// A quick run says whether everything runs.
const ran = runs.every(({ failed }) => failed === undefined);
process.exitCode = asked.quick ? Number(!ran) : exitCodeOf(verdicts);
clearInterval(alive);
