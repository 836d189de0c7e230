// An application whose values are void when it comes back: after a deployment, or a night.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startRedis } from 'throwaway-servers';
import { CacheLoader, CacheManager, Cached, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const KEYS = 2_000;
const BEFORE_SECONDS = 12;
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

/** Which share of the requests got its answer without the loader. */
export async function restartVoid(warming, { rate, seconds }) {
  const redis = await startRedis();
  try {
    const before = await start(redis, true);
    await traffic(before, BEFORE_SECONDS, rate);
    await before.get(CacheManager).clear();
    await before.close();
    const after = await start(redis, warming);
    const { all, loaded } = await traffic(after, seconds, rate);
    await after.close();
    const share = ((100 * (all - loaded)) / all).toFixed(1);
    return `${share} % of ${all} requests in ${seconds} s without the loader`;
  } finally {
    await redis.stop();
  }
}

async function start(redis, warming) {
  class App {}
  const cache = MultiLevelCacheModule.forRoot({
    namespace: 'restart',
    l2: { url: redis.url },
    defaults: { ttl: '10m', jitter: 0 },
    warming: warming && { interval: '5s', keys: KEYS, budget: KEYS, concurrency: 4 },
  });
  Module({ imports: [cache], providers: [Products] })(App);
  return NestFactory.createApplicationContext(App, { logger: false });
}

/** Popular keys often, rare ones seldom, at a steady rate; the same for everybody. */
async function traffic(app, seconds, rate) {
  const products = app.get(Products);
  const asked = [];
  let loaded = 0;
  // The job's own loads are nobody's requests.
  const stop = app.get(CacheManager).on('miss', () => (loaded += Number(REQUEST.getStore() ?? 0)));
  const began = performance.now();
  for (let sent = 0; sent < seconds * rate;) {
    for (const due = ((performance.now() - began) / 1_000) * rate; sent < due; sent++)
      asked.push(REQUEST.run(1, () => products.find(keyOf(sent))));
    await pause(2);
  }
  await Promise.all(asked);
  stop();
  return { all: asked.length, loaded };
}
