// What a fresh hit in memory does, in a process of its own over the built library: which of its functions run, and bytes they allocate.
import 'reflect-metadata';
import { Session } from 'node:inspector';
import { getHeapStatistics } from 'node:v8';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cached, CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { CacheTelemetryModule, subscribe } from 'nestjs-multi-level-cache/telemetry';

/** One of so many is measured: in so many there is exactly one. */
const HITS = 1_024;
/** Fewer than fill the space of young objects: nothing is collected while bytes are counted. */
const COUNTED = 64 * HITS;
const ROUNDS = 6;
const KEYS = Array.from({ length: HITS }, (_none, at) => `product:${at}`);
const LIBRARY = /\/multi-level-cache\/dist\/(.+)\.js$/;
const FEATURES = { ttl: '1h', refreshAhead: 0.2 };

class Products {
  async find(id) {
    return { id };
  }
}
const method = Object.getOwnPropertyDescriptor(Products.prototype, 'find');
Cached({ key: (id) => id, ...(process.argv[2] === 'a tenant’s user' ? { scope: 'user' } : {}) })(
  Products.prototype,
  'find',
  method,
);
Object.defineProperty(Products.prototype, 'find', method);

/** How the cache is set up, and who asks it. */
const SETTINGS = {
  plain: { options: {} },
  'warming, telemetry, lru': {
    options: { warming: {}, defaults: FEATURES, l1: { eviction: 'lru', isolation: 'freeze' } },
    imports: [CacheTelemetryModule],
    listens: true,
  },
  'a tenant’s user': {
    options: { security: { tenancy: 'required' } },
    caller: { tenantId: 'a', subjectId: 'b' },
  },
};

async function open({ options, imports = [], listens }) {
  const made = { namespace: 'hot', ...options };
  class App {}
  Module({ imports: [MultiLevelCacheModule.forRoot(made), ...imports], providers: [Products] })(
    App,
  );
  const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
  if (listens) for (const name of ['fill', 'evict', 'invalidate']) subscribe(name, () => undefined);
  return { app, cache: app.get(CacheManager), products: app.get(Products) };
}

const load = () => {
  throw new Error('not a hit');
};
const verbsOf = (cache, products) => ({
  peek: (key) => cache.peek(key),
  get: (key) => cache.get(key),
  getOrSet: (key) => cache.getOrSet(key, load),
  '@Cached': (key) => products.find(key),
});

function bytesOf(ask) {
  const before = getHeapStatistics().used_heap_size;
  for (let at = 0; at < COUNTED; at++) ask(KEYS[at & (HITS - 1)]);
  return getHeapStatistics().used_heap_size - before;
}

/** The least of several rounds: before code is compiled for good it allocates numbers that nobody sees. */
async function allocated(ask) {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    global.gc();
    least = Math.min(least, bytesOf(ask));
    await new Promise(setImmediate);
  }
  return least / COUNTED;
}

const session = new Session();
session.connect();
const post = (name, args) =>
  new Promise((resolve, reject) =>
    session.post(name, args, (error, reply) => (error ? reject(error) : resolve(reply))),
  );

/** Calls in 1,024 hits, by file and function. */
async function called(ask) {
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await post('Profiler.takePreciseCoverage');
  // In one go: no timer of the library runs in between.
  for (const key of KEYS) ask(key);
  const { result } = await post('Profiler.takePreciseCoverage');
  await post('Profiler.stopPreciseCoverage');
  const calls = {};
  for (const { url, functions } of result) {
    const file = LIBRARY.exec(url)?.[1];
    for (const { functionName, ranges } of file ? functions : []) {
      const name = `${file} ${functionName || '(anonymous)'}`;
      if (ranges[0].count > 0) calls[name] = (calls[name] ?? 0) + ranges[0].count;
    }
  }
  return calls;
}

async function measure({ caller, ...how }) {
  const { app, cache, products } = await open(how);
  const mine = caller ? cache.scoped('user') : cache;
  const verbs = verbsOf(mine, products);
  const measured = {};
  const work = async () => {
    for (const key of KEYS) {
      await mine.set(key, { key });
      await mine.get(key);
      // Whose key it is, is said by the method: of the tenant, where there is one.
      await verbs['@Cached'](key);
      await verbs['@Cached'](key);
    }
    // Twice, for what one verb does may have code of another compiled anew. Counting calls throws all of it away: that comes last.
    for (const [verb, ask] of [...Object.entries(verbs), ...Object.entries(verbs)])
      measured[verb] = { bytes: Math.min(measured[verb]?.bytes ?? Infinity, await allocated(ask)) };
    for (const [verb, ask] of Object.entries(verbs)) measured[verb].calls = await called(ask);
  };
  await (caller ? cache.runAs(caller, work) : work());
  await app.close();
  return measured;
}

await post('Profiler.enable');
console.log(JSON.stringify(await measure(SETTINGS[process.argv[2]])));
