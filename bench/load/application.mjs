// The application under load, a process of its own: starts each request on receipt, and says when it was answered.
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerFrame, clock, FAILED, Frames, WRITE } from './frames.mjs';

const {
  module: path,
  subject: chosen,
  keys: count,
  fill: filled,
  by,
  loadMs,
  verb,
  ...where
} = JSON.parse(process.argv[2]);
const TRIES = 20;
/** Letters beside the rest of a value: 100 B, 250 B, 500 B and 1 KiB as JSON. */
const LETTERS = [20, 170, 420, 940].map((length) => 'x'.repeat(length));

const keys = Array.from({ length: count }, (_none, key) => `product:${key}`);
const valueOf = (key) => ({ id: key, price: key / 7, stock: true, name: LETTERS[key & 3] });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let loads = 0;
const load = async (key) => {
  loads++;
  if (loadMs > 0) await pause(loadMs);
  return valueOf(key);
};
const numberOf = (name) => Number(name.slice(name.indexOf(':') + 1));
const cache = await open();

/** One of the subjects of a module; it loads by what it was opened with. */
async function open() {
  const { subjects } = await import(path);
  const subject = subjects.find(({ name }) => name === chosen);
  return subject.open({
    ...where,
    tiers: where.tiers.join('+'),
    load: (name) => load(numberOf(name)),
  });
}

/** The most popular keys, by loads as requests make them, or by writes; again where a tier was too late to keep one. */
async function fillUp() {
  const put = (key) =>
    by === 'set' ? cache.set(keys[key], valueOf(key)) : cache.getOrSet(keys[key]);
  const fill = Array.from({ length: filled }, (_none, key) => key);
  await eachOf(fill, by === 'set' ? 8 : 128, put);
  if (by !== 'set') return;
  let missing = fill;
  for (let tries = 0; missing.length > 0; tries++) {
    if (tries === TRIES) throw new Error(`${missing.length} keys did not come into the cache`);
    const left = [];
    await eachOf(missing, 64, async (key) => {
      if ((await cache.get(keys[key])) === undefined) left.push(key);
    });
    if (left.length > 0) await pause(500);
    await eachOf(left, 4, put);
    missing = left;
  }
}

async function eachOf(list, width, work) {
  let next = 0;
  const worker = async () => {
    while (next < list.length) await work(list[next++]);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const VERBS = {
  get: (key) => cache.get(keys[key]),
  getOrSet: (key) => cache.getOrSet(keys[key]),
};
const read = VERBS[verb];
/** Seen by what reads here. */
const write = (verb === 'getOrSet' && cache.setLoaded) || cache.set;

let socket;
let answers = new Uint32Array(1 << 12);
let answered = 0;
const send = () => {
  socket?.write(answerFrame(answers, answered, clock()));
  answered = 0;
};
function answer(number) {
  if (answered === 0) setImmediate(send);
  if (answered === answers.length) {
    const larger = new Uint32Array(2 * answered);
    larger.set(answers);
    answers = larger;
  }
  answers[answered++] = number;
}

async function request(number, word) {
  const key = (word & ~WRITE) >>> 0;
  try {
    if ((word & WRITE) !== 0) await write(keys[key], valueOf(key));
    else if ((await read(key))?.id !== key) return answer((number | FAILED) >>> 0);
    answer(number);
  } catch {
    answer((number | FAILED) >>> 0);
  }
}

const frames = new Frames((words) => {
  for (let at = 0; at < words.length; at += 2) void request(words[at], words[at + 1]);
});

await fillUp();
const dir = await mkdtemp(join(tmpdir(), 'load-'));
const server = net.createServer((connection) => {
  socket = connection;
  connection.on('data', (chunk) => frames.push(chunk)).on('error', () => undefined);
  connection.once('close', () => {
    if (socket === connection) socket = undefined;
  });
});
server.listen(join(dir, 'socket'), () => process.send({ socket: join(dir, 'socket') }));
process.on('message', (what) => {
  if (what === 'spent')
    process.send({ cpu: process.cpuUsage(), at: clock(), loads, stats: cache.stats?.() });
  if (what === 'end') void end();
});
process.once('disconnect', () => void end());

async function end() {
  server.close();
  await Promise.race([cache.close(), pause(3_000)]);
  await rm(dir, { recursive: true, force: true });
  process.exit(0);
}
