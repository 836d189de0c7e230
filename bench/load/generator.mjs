// The load generator, a process of its own: offers requests to an application over a socket, as told by its parent.
import net from 'node:net';
import { seeded } from '../../test/support/random.mjs';
import { arrivals, zipf } from './arrivals.mjs';
import { clock, Frames, requestFrame } from './frames.mjs';
import { ClosedRun, OpenRun } from './run.mjs';

/** Between two looks at the clock the core is given away for so long. */
const NAP_MS = 0.1;
/** After the last request was sent nobody waits longer for answers. */
const PATIENCE_MS = 3_000;
const ORDER = 1 << 20;
const WORDS = 1 << 16;
const list = new Uint32Array(WORDS);
const cell = new Int32Array(new SharedArrayBuffer(4));
const orders = new Map();

function orderOf(keys) {
  let order = orders.get(keys);
  if (!order) orders.set(keys, (order = zipf({ keys, count: ORDER, random: seeded(keys) })));
  return order;
}

/** @param first - how many requests of the order have been made before */
function makeRun({ keys: many, writes, first = 0, ...how }) {
  const common = { keys: orderOf(many).subarray(first), writes };
  if (how.width) return new ClosedRun({ ...common, ...how });
  const { rate, kind = 'poisson', bound, warmUp, seconds } = how;
  const due = arrivals({ rate, stretches: [warmUp, seconds], kind, random: seeded(rate) });
  const [from, until] = [warmUp * 1_000, (warmUp + seconds) * 1_000];
  return new OpenRun({ ...common, due, from, until, bound });
}

async function load({ socket: path, ...how }) {
  const run = makeRun(how);
  const socket = net.connect(path);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const began = clock() + 20;
  const frames = new Frames((words, at) => run.answer(words, at - began));
  socket.on('data', (chunk) => frames.push(chunk));
  await new Promise((resolve, reject) => {
    socket
      .once('error', reject)
      .once('close', () => reject(new Error('the application went away')));
    let ended;
    const look = () => {
      const now = clock() - began;
      const length = run.take(now, list);
      if (length > 0) socket.write(requestFrame(list, length));
      if (run.allSent) ended ??= now;
      if (run.done || now - ended > PATIENCE_MS) return resolve();
      if (length === 0) Atomics.wait(cell, 0, 0, NAP_MS);
      setImmediate(look);
    };
    look();
  });
  socket.removeAllListeners('close').destroy();
  return run.result();
}

process.on('message', (how) => {
  const { user, system } = process.cpuUsage();
  const before = clock();
  void load(how).then(
    (result) => {
      const after = process.cpuUsage();
      const cpu = (after.user + after.system - user - system) / 1_000 / (clock() - before);
      process.send({ result: { ...result, generatorCpu: cpu } });
    },
    (error) => process.send({ error: String(error) }),
  );
});
process.once('disconnect', () => process.exit(0));
process.send({ ready: true });
