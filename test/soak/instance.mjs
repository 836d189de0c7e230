// One application of the soak, in a process of its own: its load, its cache, and what both have come to.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { listenTo } from '../history/asking.mjs';
import { now } from '../history/clock.mjs';
import { Parent } from '../history/parent.mjs';
import { Writer } from '../history/writer.mjs';
import { seeded } from '../support/random.mjs';
import { heap, TierGauges, watchUnhandled } from './gauges.mjs';
import { Keys } from './keys.mjs';
import { Load } from './load.mjs';

const { me, processes, perSecond, seed, module } = JSON.parse(process.argv[2]);
const parent = new Parent(me, { measure, heap: tellHeap, stop, end });
const record = (list, one) => parent.record(list, one);
const register = (verb, keys) => parent.register(verb, keys);
watchUnhandled((text) => record('unhandled', { at: now(), text }));

const gauges = new TierGauges();
TierGauges.watchLower(gauges);
const app = await NestFactory.createApplicationContext(MultiLevelCacheModule.forRoot(module), {
  logger: false,
  abortOnError: false,
}).catch((error) => {
  process.send({ failed: error.message }, () => process.exit(1));
  return new Promise(() => undefined);
});
TierGauges.watchMemory(gauges, app);
const cache = app.get(CacheManager);

const asking = listenTo(cache);
cache.on('tier', ({ tier, state }) => record('tiers', { at: now(), tier, state }));

const random = seeded(seed + me);
const load = new Load({
  cache,
  writer: new Writer({ cache, register, record, me }),
  keys: new Keys({ me, processes, random }),
  record,
  register,
  asking,
  random,
  perSecond,
});

/** What came before was to warm up. */
function measure() {
  load.reset();
  gauges.reset();
}

function tellHeap() {
  record('heaps', { at: now(), bytes: heap() });
}

async function stop() {
  await load.stopWriting();
  parent.say('quiet');
}

async function end() {
  await load.stop();
  load.writer.giveUp();
  const { tiers } = cache.stats();
  const states = Object.entries(tiers).map(([name, { state }]) => [name, state]);
  record('counts', { ...load.counts, tiers: gauges.tiers, states: Object.fromEntries(states) });
  parent.stop();
  await app.close();
  parent.end();
}

load.start();
parent.say('ready');
