// `npm run simulate -- --seeds N [--from S] [--faults cut,freeze,…] [--tiers l1+l3]`: runs N seeds on all cores and names those that go wrong;
// one seed alone prints what happened in it.
import { fork } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sources } from './sources.mjs';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    faults: { type: 'string' },
    tiers: { type: 'string' },
    part: { type: 'string' },
  },
});
const seeds = whole('seeds');
const from = whole('from');
const parts = Math.min(os.availableParallelism(), seeds);

if (values.part === undefined) await lead();
else await work(Number(values.part));

function whole(name) {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1) {
    console.error(`--${name} must be a whole number above 0, not ${values[name]}`);
    process.exit(2);
  }
  return number;
}

async function lead() {
  const began = performance.now();
  let bad = 0;
  const codes = await Promise.all(
    Array.from({ length: parts }, (_, part) => {
      const child = fork(fileURLToPath(import.meta.url), [
        ...process.argv.slice(2),
        '--part',
        String(part),
      ]);
      child.on('message', ({ seed, violations }) => {
        bad++;
        const [{ guarantee, what }] = violations;
        console.log(`seed ${seed}: ${guarantee}: ${what}`);
      });
      return new Promise((resolve) => child.on('exit', resolve));
    }),
  );
  if (codes.some((code) => code !== 0)) {
    process.exitCode = 2;
    return;
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${bad} of ${seeds} seeds went wrong (from ${from}), ${seconds} s`);
  process.exitCode = bad > 0 ? 1 : 0;
}

async function work(part) {
  const server = await sources();
  const { World, FAULTS, TIERS } = await server.ssrLoadModule('/test/simulation/world.ts');
  const chosen = values.faults?.split(',').filter(Boolean);
  const unknown = chosen?.find((fault) => !FAULTS.includes(fault));
  if (unknown !== undefined) {
    if (part === 0) console.error(`--faults knows ${FAULTS.join(', ')}, not ${unknown}`);
    process.exit(2);
  }
  const { tiers } = values;
  if (tiers !== undefined && !TIERS.includes(tiers)) {
    if (part === 0) console.error(`--tiers knows ${TIERS.join(', ')}, not ${tiers}`);
    process.exit(2);
  }
  for (let seed = from + part; seed < from + seeds; seed += parts) {
    // Each fault alone, all together, and none.
    const alone = FAULTS[seed % (FAULTS.length + 2)];
    const mixed = seed % (FAULTS.length + 2) === FAULTS.length ? FAULTS : [];
    const world = new World({ seed, tiers, faults: chosen ?? (alone ? [alone] : mixed) });
    const violations = await world.run();
    if (violations.length > 0) process.send({ seed, violations });
    if (seeds === 1) console.log(world.log.join('\n'));
  }
  await server.close();
  process.disconnect();
}
