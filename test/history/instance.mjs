// One application in a process of its own: reads and writes as it likes, and tells the parent what it did and when.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { now, pause } from './clock.mjs';
import { Reader } from './reader.mjs';
import { Writer } from './writer.mjs';

const TELL_MS = 250;
const READERS = 3;
const TURN_MS = 5;
/** A turn that took this long: the machine was busy with others. */
const STALL_MS = 12;

const { me, processes, mode, module } = JSON.parse(process.argv[2]);
const app = await NestFactory.createApplicationContext(MultiLevelCacheModule.forRoot(module), {
  logger: false,
  abortOnError: false,
}).catch((error) => {
  process.send({ failed: error.message }, () => process.exit(1));
  return new Promise(() => undefined);
});
const cache = app.get(CacheManager);

/** What happened since the parent was told last. */
let log = empty();
function empty() {
  return { reads: [], writes: [], loads: [], tiers: [], stalls: [], errors: [] };
}
const tell = () => {
  const told = log;
  log = empty();
  process.send({ log: told });
};
const record = (list, one) => log[list].push({ process: me, ...one });

const waiting = new Map();
let asked = 0;
/** The register in the parent: `read` tells versions, `bump` raises them first. */
const register = (verb, keys) =>
  new Promise((resolve) => {
    waiting.set(++asked, resolve);
    process.send({ ask: asked, verb, keys });
  });

/** Who answered is told in the caller's own context. */
const asking = new AsyncLocalStorage();
for (const event of ['hit', 'stale', 'miss'])
  cache.on(event, ({ tier }) => {
    const read = asking.getStore();
    if (read) read.by = tier ?? event;
  });
cache.on('tier', ({ tier, state }) => record('tiers', { at: now(), tier, state }));

const reader = new Reader({ cache, register, record, asking, processes, mode });
const writer = new Writer({ cache, register, record, me });
let reading = true;
let writing = true;

async function whileTrue(going, step, rest) {
  while (going()) {
    try {
      await step();
    } catch (error) {
      record('errors', { at: now(), text: String(error?.code ?? error) });
    }
    await pause(rest);
  }
}

const writers = [
  whileTrue(
    () => writing,
    () => writer.shared(),
    200,
  ),
  whileTrue(
    () => writing,
    () => writer.own(),
    300,
  ),
];
const readers = Array.from({ length: READERS }, () =>
  whileTrue(
    () => reading,
    () => reader.step(),
    5,
  ),
);
let turn = now();
const turning = setInterval(() => {
  const [start, end] = [turn, (turn = now())];
  if (end - start > STALL_MS) record('stalls', { start, end });
}, TURN_MS);
const telling = setInterval(tell, TELL_MS);

/** No more writes; told when none is owed to any store. */
async function stop() {
  writing = false;
  await Promise.all(writers);
  await writer.settled();
  process.send({ quiet: true });
}

async function end() {
  reading = false;
  writer.giveUp();
  await Promise.all(readers);
  clearInterval(telling);
  clearInterval(turning);
  tell();
  await app.close();
  process.send({ ended: true }, () => process.disconnect());
}

process.on('message', ({ id, versions, order }) => {
  if (order === 'stop') void stop();
  else if (order === 'end') void end();
  else {
    waiting.get(id)(versions);
    waiting.delete(id);
  }
});
// The parent is gone: nobody wants to know any more.
for (const event of ['disconnect', 'error']) process.on(event, () => process.exit(0));
process.send({ ready: true });
