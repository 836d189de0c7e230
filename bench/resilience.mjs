// `npm run bench:resilience [-- --only frozen,killed,guard,demand] [-- --trials 5]`: a frozen Redis, killed stores, and what the guard
// of a tier costs, and warming, each figure against its bar: medians, with the least and the most. Exit code 1: a bar was missed.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { startPostgres, startRedis } from 'throwaway-servers';
import { demand } from './resilience/demand.mjs';
import { frozen } from './resilience/frozen.mjs';
import { guard } from './resilience/guard.mjs';
import { killed } from './resilience/killed.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string' }, trials: { type: 'string', default: '5' } },
});
const parts = { frozen, killed, guard, demand };
const chosen = values.only?.split(',') ?? Object.keys(parts);
const unknown = chosen.find((name) => !Object.hasOwn(parts, name));
const trials = Number(values.trials);
if (unknown !== undefined || !Number.isSafeInteger(trials) || trials < 1) {
  console.error(
    `--only knows ${Object.keys(parts).join(', ')}; --trials is a whole number above 0`,
  );
  process.exit(2);
}
// Timers of a cache and throwaway servers keep no process alive, and there is nothing else while a store is away.
const alive = setInterval(() => undefined, 1_000);
const load = () => os.loadavg()[0].toFixed(1);

console.log(
  `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const name of chosen) {
  // Servers each: none pays for what another has left behind.
  const [redis, postgres] = [await startRedis(), await startPostgres()];
  const before = load();
  try {
    for (const { line, pass } of await parts[name]({ redis, postgres }, { trials })) {
      console.log(line);
      if (!pass) process.exitCode = 1;
    }
    console.log(`  load average ${before} before, ${load()} after`);
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}
clearInterval(alive);
