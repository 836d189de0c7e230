// `npm run simulate:rules -- --seeds N`: takes each rule out in turn and prints in what share of N seeds a run then goes wrong, as a table.
import { fork } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sources } from './sources.mjs';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '300' }, part: { type: 'string' } },
});
const seeds = Number(values.seeds);
if (!Number.isSafeInteger(seeds) || seeds < 1) {
  console.error(`--seeds must be a whole number above 0, not ${values.seeds}`);
  process.exit(2);
}
const parts = os.availableParallelism();

if (values.part === undefined) await lead();
else await work(Number(values.part));

async function lead() {
  const rows = [];
  await Promise.all(
    Array.from({ length: parts }, (_, part) => {
      const self = fileURLToPath(import.meta.url);
      const child = fork(self, [...process.argv.slice(2), '--part', String(part)]);
      child.on('message', (row) => rows.push(row));
      return new Promise((resolve) => child.on('exit', resolve));
    }),
  );
  rows.sort((one, other) => one.at - other.at);
  console.log(`| rule | tiers | what goes wrong | of ${seeds} seeds |`);
  console.log('| --- | --- | --- | --- |');
  for (const { name, tiers, faults, bad } of rows)
    console.log(
      `| ${name} | ${tiers.toUpperCase()} | ${faults.join(', ') || 'nothing'} | ${bad} |`,
    );
}

async function work(part) {
  const server = await sources();
  const { RULES } = await server.ssrLoadModule('/test/simulation/rules.ts');
  const { loadSimulation } = await server.ssrLoadModule('/test/simulation/load.ts');
  for (let at = part; at < RULES.length; at += parts) {
    const rule = RULES[at];
    const { name, faults, from = 1, tiers = 'l1+l2' } = rule;
    const without = await loadSimulation(rule);
    let bad = 0;
    for (let seed = from; seed < from + seeds; seed++)
      if ((await without.world({ seed, faults, tiers }).run()).length > 0) bad++;
    await without.close();
    process.send({ at, name, tiers, faults, bad });
  }
  await server.close();
  process.disconnect();
}
