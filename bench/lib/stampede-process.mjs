// A process of callers that all want one key, which nobody has, at once.
const { file, name, tiers, redisUrl } = JSON.parse(process.argv[2]);
const { subjects } = await import(`../subjects/${file}.mjs`);
const subject = subjects.find((one) => one.name === name);
let loads = 0;
let loadMs = 0;
let took = 0;

async function load(key) {
  loads++;
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, loadMs));
  took = Math.max(took, performance.now() - began);
  return { id: 1, key };
}

const cache = await subject.open({ tiers, redisUrl, maxEntries: 10_000, load });

async function herd({ key, callers, loaderMs, at }) {
  loads = 0;
  took = 0;
  loadMs = loaderMs;
  // All processes begin at one moment, whenever each of them was told.
  await new Promise((resolve) => setTimeout(resolve, Math.max(at - Date.now(), 0)));
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: callers }, () => cache.getOrSet(key)));
  const ms = performance.now() - began;
  if (answers.some((answer) => answer?.key !== key)) throw new Error('a caller got another value');
  return { loads, ms, took };
}

process.on('message', ({ argument }) => {
  void herd(argument).then((result) => process.send({ result }));
});
process.on('disconnect', () => process.exit(0));
process.send({ result: true });
