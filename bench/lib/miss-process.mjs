// The process of two caches that miss in turn: one without PostgreSQL, and one that has it for nothing.
import { openOurs } from '../subjects/ours.mjs';
import { loops } from './loops.mjs';
import { median } from './figures.mjs';

const { redisUrl, postgresUrl, trials, misses, pairs } = JSON.parse(process.argv[2]);
const WIDTH = 64;
/** So many look-ups, and more, until it is known that L3 is of no use. */
const LEARNING = 1_000;

/** Cheap: what it makes is not worth a row. */
const load = (key) => new Promise((resolve) => setImmediate(resolve, { id: key }));
const open = (tiers) =>
  openOurs({
    tiers,
    redisUrl,
    postgresUrl,
    maxEntries: 10_000,
    load,
    settings: { namespace: tiers.replaceAll('+', '-') },
  });

const caches = [await open('l1+l2'), await open('l1+l2+l3')];
let made = 0;

async function timeOf({ getOrSet }, count) {
  const missing = Array.from({ length: WIDTH * Math.ceil(count / WIDTH) }, () => `miss:${made++}`);
  const powerOfTwo = 2 ** Math.ceil(Math.log2(missing.length));
  while (missing.length < powerOfTwo) missing.push(`miss:${made++}`);
  globalThis.gc({ type: 'minor' });
  const began = performance.now();
  await loops.inFlight(getOrSet, count, missing, WIDTH);
  return (performance.now() - began) / count;
}

for (const cache of caches) await timeOf(cache, LEARNING);
const times = [[], []];
for (let trial = 0; trial < trials; trial++) {
  const turns = [[], []];
  for (let pair = 0; pair < pairs; pair++)
    for (const which of pair % 2 === 0 ? [0, 1] : [1, 0])
      turns[which].push(await timeOf(caches[which], misses));
  for (const which of [0, 1]) times[which].push(1_000 * median(turns[which]));
}
process.send({ result: times }, () => process.exit(0));
