// `npm run bench:heap`: bytes on the heap per entry of 100 bytes, against raw lru-cache with ttl. Each subject in a process of its own.
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
const heap = () => {
  for (let round = 0; round < 5; round++) global.gc();
  return process.memoryUsage().heapUsed;
};

const SUBJECTS = {
  'values alone': () => {
    const values = [];
    return { set: (index) => void values.push([`product:${index}`, make(index)]), keep: values };
  },
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

const [name] = process.argv.slice(2);
if (name) {
  const { set, keep } = await SUBJECTS[name]();
  for (let index = 0; index < 100; index++) await set(-index);
  const before = heap();
  for (let index = 0; index < ENTRIES; index++) await set(index);
  console.log((heap() - before) / ENTRIES);
  globalThis.kept = keep;
  process.exit(0);
}
const bytes = Object.keys(SUBJECTS).map((subject) =>
  Number(
    execFileSync(process.execPath, ['--expose-gc', process.argv[1], subject], { encoding: 'utf8' }),
  ),
);
Object.keys(SUBJECTS).forEach((subject, index) =>
  console.log(
    `${subject.padEnd(22)} ${bytes[index].toFixed(0)} B per entry, ${(bytes[index] / bytes[1]).toFixed(2)} of raw`,
  ),
);
