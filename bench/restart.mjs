// `npm run bench:restart`: what the first minute after a restart gets without the loader, with the warming job and without it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { parseArgs } from 'node:util';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startRedis } from 'throwaway-servers';
import { CacheLoader, CacheManager, Cached, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, rate: { type: 'string', default: '200' } },
});
const [SECONDS, RATE] = [Number(values.seconds), Number(values.rate)];
const KEYS = 2_000;
const LOAD_MS = 20;
const REQUEST = new AsyncLocalStorage();
const keyOf = (sent) => String(Math.floor(KEYS ** ((sent * 0.6180339887) % 1)));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Products {
  async find(id) {
    await pause(LOAD_MS);
    return { id };
  }
}
const method = Object.getOwnPropertyDescriptor(Products.prototype, 'find');
Cached({ key: 'product:{0}' })(Products.prototype, 'find', method);
CacheLoader('product:{id}')(Products.prototype, 'find', method);
Object.defineProperty(Products.prototype, 'find', method);
Injectable()(Products);

const redis = await startRedis();

async function start(namespace, warming) {
  class App {}
  const cache = MultiLevelCacheModule.forRoot({
    namespace,
    l2: { url: redis.url },
    defaults: { ttl: '10m', jitter: 0 },
    warming: warming && { interval: '5s', keys: KEYS, budget: KEYS, concurrency: 4 },
  });
  Module({ imports: [cache], providers: [Products] })(App);
  return NestFactory.createApplicationContext(App, { logger: false });
}

/** Popular keys often, rare ones seldom, at a steady rate; the same for everybody. */
async function traffic(app, seconds) {
  const products = app.get(Products);
  const asked = [];
  let loaded = 0;
  // The job's own loads are nobody's requests.
  const stop = app.get(CacheManager).on('miss', () => (loaded += Number(REQUEST.getStore() ?? 0)));
  const began = performance.now();
  for (let sent = 0; sent < seconds * RATE;) {
    for (const due = ((performance.now() - began) / 1_000) * RATE; sent < due; sent++)
      asked.push(REQUEST.run(1, () => products.find(keyOf(sent))));
    await pause(2);
  }
  await Promise.all(asked);
  stop();
  return { all: asked.length, loaded };
}

for (const warming of [false, true]) {
  const namespace = `restart-${warming}`;
  const before = await start(namespace, true);
  await traffic(before, 12);
  // What was stored is void by the time the application is back: after a deployment, or a night.
  await before.get(CacheManager).clear();
  await before.close();
  const after = await start(namespace, warming);
  const { all, loaded } = await traffic(after, SECONDS);
  console.log(
    `${warming ? 'with' : 'without'} the job: ${((100 * (all - loaded)) / all).toFixed(1)} % of ${all} requests in ${SECONDS} s without the loader`,
  );
  await after.close();
}
await redis.stop();
