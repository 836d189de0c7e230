// The process that fills one subject and says what an entry takes.
const { file, name, count } = JSON.parse(process.argv[2]);
const { subjects } = await import(`../subjects/${file}.mjs`);
const subject = subjects.find((one) => one.name === name);
/** Code is compiled by so many entries, which are not counted. */
const FIRST = 10_000;

const valueOf = (id) => ({
  id,
  name: `a value of about one hundred bytes ${id}`,
  price: id / 7,
  stock: true,
});

/** What is on the heap and in array buffers, once nothing more can be collected. */
async function bytes() {
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function filled(entries) {
  const load = (key) => valueOf(Number(key.slice(8)));
  const cache = await subject.open({ tiers: 'l1', maxEntries: entries, load });
  for (let id = 0; id < entries; id++) await put(cache, id);
  return cache;
}

/** As most entries come about: loaded; where nothing is loaded, set. */
async function put(cache, id) {
  if (subject.kind === 'raw') cache.set(`product:${id}`, valueOf(id));
  else await cache.getOrSet(`product:${id}`);
}

await filled(FIRST);
const before = await bytes();
globalThis.kept = await filled(count);
process.send({ result: ((await bytes()) - before) / count }, () => process.exit(0));
