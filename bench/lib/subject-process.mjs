// The process of one subject: nothing of another is compiled, allocated or running in it. It opens, fills and checks it, and then does
// what it is told, piece by piece.
import { Session } from 'node:inspector/promises';
import { even, keysOf, once, popular, VALUES } from './data.mjs';
import { loops } from './loops.mjs';
import { pace } from './pace.mjs';
import { check, fill } from './prepare.mjs';

const ORDERS = { even, once, popular };
const FIRST = 64;
/** Of the operations, so many more come first; on an empty memory as many. */
const LEAD = 0.25;

const { file, name, tiers, size, count, redisUrl, postgresUrl } = JSON.parse(process.argv[2]);
const { subjects } = await import(`../subjects/${file}.mjs`);
const subject = subjects.find((one) => one.name === name);
const keys = keysOf(count);
const valueOf = (key) => VALUES[size](Number(key.slice(key.indexOf(':') + 1)));
// Room for all of them: what is measured is not what is evicted.
const room = { maxEntries: 4 * count, load: valueOf };
const cache = await subject.open({ tiers, redisUrl, postgresUrl, ...room });
await fill(cache, keys, valueOf);
await check(subject, cache, { tiers, redisUrl, keys, valueOf });
const orders = new Map();

/** ms that so many operations take. */
async function lap({ ask, way, order, width, cold }, operations) {
  if (!orders.has(order)) orders.set(order, ORDERS[order](keys));
  if (cold) await cache.dropMemory();
  const began = performance.now();
  await loops[way](cache[ask], operations, orders.get(order), width, valueOf);
  return performance.now() - began;
}

/**
 * The same after young objects are collected, and a few operations that are not timed: their space grows while they work. Not all objects: a full
 * collection while nothing is under way makes V8 forget code that it has compiled for what is under way, as never happens under traffic.
 * And what the processor did before and after.
 */
async function run(task, operations) {
  globalThis.gc({ type: 'minor' });
  await lap(task, task.cold ? operations : Math.ceil(operations * LEAD));
  const before = pace();
  const ms = await lap(task, operations);
  return { ms, pace: Math.min(before, pace()) };
}

/** How many operations fill so many ms; finding out is the warming up. */
async function countFor(task, slice) {
  for (let operations = FIRST; ; operations *= 4) {
    const { ms } = await run(task, operations);
    if (ms >= slice / 4) return Math.max(1, Math.ceil((operations * slice) / ms));
  }
}

/** How long each function ran itself meanwhile: `[function, file, µs]`. */
async function profile(task, operations) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await lap(task, operations);
  const { profile: taken } = await session.post('Profiler.stop');
  session.disconnect();
  const frames = new Map(taken.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map();
  taken.samples.forEach((id, at) => {
    const { functionName, url, lineNumber } = frames.get(id);
    // The profiler's own.
    if (functionName === 'dispatch' || url.includes('inspector')) return;
    const name = `${url}:${lineNumber}:${functionName}`;
    const [what, file, us] = times.get(name) ?? [functionName || '(anonymous)', url, 0];
    times.set(name, [what, file, us + taken.timeDeltas[at]]);
  });
  return [...times.values()];
}

const verbs = {
  run: ({ task, operations }) => run(task, operations),
  countFor: ({ task, slice }) => countFor(task, slice),
  profile: ({ task, operations }) => profile(task, operations),
  close: () => cache.close(),
};
process.on('message', ({ verb, argument }) => {
  void Promise.resolve(verbs[verb](argument)).then((result) => process.send({ result }));
});
// The parent is gone: nobody wants to know any more.
process.on('disconnect', () => process.exit(0));
process.send({ result: Object.keys(cache).filter((verb) => typeof cache[verb] === 'function') });
