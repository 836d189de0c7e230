import { sources } from './sources.mjs';
const server = await sources();
const { loadSimulation, firstBad } = await server.ssrLoadModule('/test/simulation/load.ts');
const { RULES } = await server.ssrLoadModule('/test/simulation/rules.ts');
const part = Number(process.argv[2]),
  parts = Number(process.argv[3]),
  most = Number(process.argv[4] ?? 1200),
  filter = process.argv[5];
const whole = await loadSimulation();
for (let i = part; i < RULES.length; i += parts) {
  const rule = RULES[i];
  if (filter && !filter.split('|').some((one) => rule.name.includes(one))) continue;
  const { faults, tiers = 'l1+l2' } = rule;
  let without;
  try {
    without = await loadSimulation(rule);
  } catch (e) {
    console.log('ERR', rule.name, e.message);
    continue;
  }
  const t = performance.now();
  const seed = await firstBad(without, most, { faults, tiers });
  let right = '';
  if (seed !== undefined) {
    const v = await whole.world({ seed, faults, tiers }).run();
    right = v.length ? 'WRONG WITH IT ' + v[0].what : '';
  }
  console.log(
    String(seed ?? 'NOT CAUGHT').padStart(10),
    ((performance.now() - t) / 1000).toFixed(1) + 's',
    rule.name,
    '[' + faults + '] ' + tiers,
    right,
    rule.from ? 'from ' + rule.from : '',
  );
  await without.close();
}
process.exit(0);
