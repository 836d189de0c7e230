// `npm run bench:profile [-- --only l1,l2,l3] [-- --write]`: what a hit in each tier is made of, by a profile of a process that does nothing
// else: shares of its busy time by whose code it is, and the functions at the top. `--write` puts them into docs/performance.md. Exit code
// 2: wrong arguments.
import { parseArgs } from 'node:util';
import { startPostgres, startRedis } from 'throwaway-servers';
import { standing } from './lib/machine.mjs';
import { table, writeFigures } from './lib/markers.mjs';
import { HITS, profileOf } from './profile/hits.mjs';

const known = Object.keys(HITS);
const { values } = parseArgs({
  options: { only: { type: 'string' }, write: { type: 'boolean', default: false } },
});
const chosen = values.only?.split(',') ?? known;
if (chosen.some((name) => !known.includes(name)) || (values.write && values.only)) {
  console.error(`--only knows ${known.join(', ')}; --write is for all of them`);
  process.exit(2);
}
// Throwaway servers keep no process alive.
const alive = setInterval(() => undefined, 1_000);
const { line, idle } = await standing();
console.log(`${line}, ${Math.round(100 * idle)} % idle`);
const [redis, postgres] = [await startRedis(), await startPostgres()];
try {
  const found = [];
  for (const name of chosen) {
    const profile = await profileOf(name, { redisUrl: redis.url, postgresUrl: postgres.url });
    found.push(profile);
    const { title, us, groups, top } = profile;
    console.log(`\n${title}: ${us} us of the process, idle ones left out`);
    for (const [what, share] of [...groups, ['', ''], ...top]) console.log(`  ${share}  ${what}`);
  }
  if (values.write) await writeFigures('docs/performance.md', { profile: markdown(found) });
} finally {
  await Promise.all([redis.stop(), postgres.stop()]);
  clearInterval(alive);
}

function markdown(found) {
  const names = found[0].groups.map(([name]) => name);
  const head = ['', 'µs', ...names, 'most of it'];
  const rows = found.map(({ title, us, groups, top }) => [
    title,
    us,
    ...groups.map(([, share]) => share),
    top.map(([what, share]) => `${what} ${share}`).join(', '),
  ]);
  return `${table(head, rows)}\n\n${line}.`;
}
