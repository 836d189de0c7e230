// `npm run bench:heap`: memory per entry of 100 bytes, against raw lru-cache with ttl. Each subject in a process of its own.
import { execFileSync } from 'node:child_process';
import { NestFactory } from '@nestjs/core';
import { LRUCache } from 'lru-cache';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const ENTRIES = 100_000;
const make = (index) => ({
  id: index,
  name: `a value of about one hundred bytes ${index}`,
  price: index / 7,
  stock: true,
});

const SUBJECTS = {
  'lru-cache with ttl': () => {
    const lru = new LRUCache({ max: ENTRIES, ttl: 600_000 });
    return { set: (index) => void lru.set(`product:${index}`, make(index)), keep: lru };
  },
  'multi-level-cache': async () => {
    const options = { namespace: 'bench', l1: { maxEntries: ENTRIES, maxSize: '1gb' } };
    const app = await NestFactory.createApplicationContext(MultiLevelCacheModule.forRoot(options), {
      logger: false,
    });
    const cache = app.get(CacheManager);
    return { set: (index) => cache.getOrSet(`product:${index}`, () => make(index)), keep: app };
  },
};

/** What is on the heap and in array buffers, once nothing more can be collected. */
const memory = async () => {
  for (let round = 0; round < 5; round++) {
    global.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
/** A subject of its own with so many entries; code is compiled by the first one, and is not part of an entry. */
const filled = async (name, entries) => {
  const { set, keep } = await SUBJECTS[name]();
  for (let index = 0; index < entries; index++) await set(index);
  return keep;
};

const [name] = process.argv.slice(2);
if (name) {
  await filled(name, 10_000);
  const before = await memory();
  globalThis.kept = await filled(name, ENTRIES);
  console.log(((await memory()) - before) / ENTRIES);
  process.exit(0);
}
const [[, raw], ...rest] = Object.keys(SUBJECTS).map((subject) => [
  subject,
  Number(
    execFileSync(process.execPath, ['--expose-gc', process.argv[1], subject], { encoding: 'utf8' }),
  ),
]);
console.log(`lru-cache with ttl: ${raw.toFixed(0)} B per entry`);
for (const [subject, bytes] of rest)
  console.log(`${subject}: ${bytes.toFixed(0)} B per entry, ${(bytes / raw).toFixed(2)} of raw`);
