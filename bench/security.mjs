// `npm run bench:security [-- --only hits,audit,encryption,messages,walls] [-- --trials 5]`: what security costs, each figure against its bar: medians, with the
// least and the most. Exit code 1: a bar was missed.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { startPostgres, startRedis } from 'throwaway-servers';
import { audit } from './security/audit.mjs';
import { encryption } from './security/encryption.mjs';
import { hits } from './security/hits.mjs';
import { messages } from './security/messages.mjs';
import { walls } from './security/walls.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string' }, trials: { type: 'string', default: '5' } },
});
const parts = { hits, audit, encryption, messages, walls };
const chosen = values.only?.split(',') ?? Object.keys(parts);
const unknown = chosen.find((name) => !Object.hasOwn(parts, name));
const trials = Number(values.trials);
if (unknown !== undefined || !Number.isSafeInteger(trials) || trials < 1) {
  console.error(
    `--only knows ${Object.keys(parts).join(', ')}; --trials is a whole number above 0`,
  );
  process.exit(2);
}
// Timers of a cache and throwaway servers keep no process alive.
const alive = setInterval(() => undefined, 1_000);
const load = () => os.loadavg()[0].toFixed(1);

console.log(
  `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const name of chosen) {
  // Servers each, which flush to the disk as those of an application do.
  const durable = { fsync: 'on', full_page_writes: 'on' };
  const [redis, postgres] = [await startRedis(), await startPostgres(undefined, durable)];
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
