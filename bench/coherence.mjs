// `npm run bench:coherence [-- --entries 1000000] [-- --only delivery,herd]`: what it costs to keep tiers and processes right,
// as ratios to what Redis takes for the same without a cache. Medians of interleaved rounds, with the least and the most.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { startRedis } from 'throwaway-servers';
import { delivery, notices } from './coherence/delivery.mjs';
import { herd } from './coherence/herd.mjs';
import { invalidation } from './coherence/invalidation.mjs';
import { tagBump } from './coherence/tags.mjs';
import { taggedHit } from './coherence/tagged-hit.mjs';

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, only: { type: 'string' } },
});
const parts = {
  invalidation,
  delivery,
  notices,
  tags: (redis) => tagBump(redis, Number(values.entries)),
  hits: taggedHit,
  herd,
};
const chosen = values.only?.split(',') ?? Object.keys(parts);
const unknown = chosen.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) {
  console.error(`--only knows ${Object.keys(parts).join(', ')}, not ${unknown}`);
  process.exit(2);
}
const load = () => os.loadavg()[0].toFixed(1);

console.log(
  `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const name of chosen) {
  // A server each: none pays for what another has left behind.
  const redis = await startRedis();
  const before = load();
  try {
    for (const line of await parts[name](redis)) console.log(line);
    console.log(`  load average ${before} before, ${load()} after`);
  } finally {
    await redis.stop();
  }
}
