// One application in a process of its own: reads and writes as it likes, and tells the parent what it did and when.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { listenTo } from './asking.mjs';
import { now, pause } from './clock.mjs';
import { Parent } from './parent.mjs';
import { Reader } from './reader.mjs';
import { Writer } from './writer.mjs';

const READERS = 3;

const { me, processes, mode, module } = JSON.parse(process.argv[2]);
const app = await NestFactory.createApplicationContext(MultiLevelCacheModule.forRoot(module), {
  logger: false,
  abortOnError: false,
}).catch((error) => {
  process.send({ failed: error.message }, () => process.exit(1));
  return new Promise(() => undefined);
});
const cache = app.get(CacheManager);

const parent = new Parent(me, { stop, end });
const record = (list, one) => parent.record(list, one);
const register = (verb, keys) => parent.register(verb, keys);

const asking = listenTo(cache);
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

/** No more writes; told when none is owed to any store. */
async function stop() {
  writing = false;
  await Promise.all(writers);
  await writer.settled();
  parent.say('quiet');
}

async function end() {
  reading = false;
  writer.giveUp();
  await Promise.all(readers);
  parent.stop();
  await app.close();
  parent.end();
}

parent.say('ready');
