// How a benchmark of several parts runs: the ones that were chosen, each on servers of its own, every figure against its bar.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { startPostgres, startRedis } from 'throwaway-servers';

/**
 * Each part gets `{ redis, postgres }` and `{ trials }`, and gives `{ line, pass }` for each figure. Exit code 1: a bar was missed; 2:
 * wrong arguments.
 *
 * @param settings - of PostgreSQL, over those of throwaway servers
 */
export async function runParts(parts, settings) {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, trials: { type: 'string', default: '5' } },
  });
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
  console.log(
    `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
  );
  for (const name of chosen) await runPart(parts[name], { settings, trials });
  clearInterval(alive);
}

async function runPart(part, { settings, trials }) {
  // Servers each: none pays for what another has left behind.
  const [redis, postgres] = [await startRedis(), await startPostgres(undefined, settings)];
  const before = load();
  try {
    for (const { line, pass } of await part({ redis, postgres }, { trials })) {
      console.log(line);
      if (!pass) process.exitCode = 1;
    }
    console.log(`  load average ${before} before, ${load()} after`);
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}

const load = () => os.loadavg()[0].toFixed(1);
