// One size of L1, in a process of its own, so that none pays for the garbage of another: `node --expose-gc memory.mjs ENTRIES`. Times are
// of the processor, collections among them, for nothing waits here.
import { heapBytes, median, openCache, processCpuUs } from './support.mjs';

const entries = Number(process.argv[2]);
const ROUNDS = 5;
const HITS = 300_000;
/** A bulk that is large enough to be timed, whatever the size. */
const INSERTS = Math.max(entries, 20_000);
const keys = Array.from({ length: 1 << 16 }, (_none, at) => `product:${(at * 7_919) % entries}`);
const make = (index) => ({
  id: index,
  name: `a value of about one hundred bytes ${index}`,
  price: index / 7,
  stock: true,
});

async function filled(count) {
  const { cache } = await openCache({
    l1: { maxEntries: entries, maxSize: '8gb' },
    defaults: { ttl: '1h' },
  });
  const began = processCpuUs();
  for (let index = 0; index < count; index++)
    await cache.getOrSet(`product:${index}`, () => make(index));
  return { cache, insertNs: ((processCpuUs() - began) * 1_000) / count };
}

async function timed(get) {
  const times = [];
  for (let round = -2; round < ROUNDS; round++) {
    const began = processCpuUs();
    for (let hit = 0; hit < HITS; hit++) await get(keys[hit & 0xffff]);
    if (round >= 0) times.push(((processCpuUs() - began) * 1_000) / HITS);
  }
  return median(times);
}

// Code is compiled by the first one, and is no part of an entry.
await filled(Math.min(INSERTS, 50_000));
const { insertNs } = await filled(INSERTS);
const before = await heapBytes();
const { cache } = await filled(entries);
const bytes = ((await heapBytes()) - before) / entries;
const hitNs = await timed((key) => cache.get(key));
if (cache.peek(keys[0]) === undefined) throw new Error('the entries are not in memory');
// What any table of strings of this size costs here.
const map = new Map();
for (let index = 0; index < entries; index++) map.set(`product:${index}`, make(index));
const mapNs = await timed((key) => map.get(key));
console.log(JSON.stringify({ hitNs, mapNs, insertNs, bytes }));
process.exit(0);
