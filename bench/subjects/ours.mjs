// This library as an application has it: counters collected by an OpenTelemetry SDK, what is asked for recorded, values frozen; with warming
// as well where it has a cost of its own.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CACHE_L1, Cached, CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { CacheTelemetryModule } from 'nestjs-multi-level-cache/telemetry';

export const OURS = 'multi-level-cache';
/** A machine that is short of a processor for a moment must not turn a hit into "nothing": answers are counted, not budgets. */
const BUDGET = '5s';

class Application {}

let collects = false;

async function collectOnce() {
  if (collects) return;
  collects = true;
  const { collectMetrics } = await import('../telemetry/sdk.mjs');
  collectMetrics();
}

/** Its options; `settings` go over ours. */
function optionsOf({ tiers, redisUrl, postgresUrl, maxEntries, settings }) {
  const on = tiers.split('+');
  return {
    namespace: 'bench',
    l1: on.includes('l1') && { maxEntries, maxSize: '1gb', ttl: '1h' },
    ...(on.includes('l2') && { l2: { url: redisUrl, budget: BUDGET } }),
    ...(on.includes('l3') && { l3: { url: postgresUrl, budget: BUDGET } }),
    defaults: { ttl: '1h' },
    ...settings,
  };
}

/** Methods as an application has them. */
function methodsOver(load) {
  class Methods {
    keyed(id) {
      return Promise.resolve(load(id));
    }
    wrapped(id) {
      return Promise.resolve(load(id));
    }
  }
  const decorate = (name, options) =>
    Object.defineProperty(
      Methods.prototype,
      name,
      decorated(Methods.prototype, name, Cached(options)),
    );
  decorate('keyed', { key: (id) => id });
  decorate('wrapped', {});
  return Methods;
}

/** What a compiler makes of `@decorator`. */
function decorated(prototype, name, decorator) {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  return decorator(prototype, name, descriptor) ?? descriptor;
}

export async function openOurs({ load, metrics = true, ...options }) {
  if (metrics) await collectOnce();
  const imports = [MultiLevelCacheModule.forRoot(optionsOf(options)), CacheTelemetryModule];
  const Methods = methodsOver(load);
  const module = { module: Application, imports, providers: [Methods] };
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const cache = app.get(CacheManager);
  const memory = app.get(CACHE_L1);
  const methods = app.get(Methods);
  return {
    app,
    get: (key) => cache.get(key),
    getOrSet: (key) => cache.getOrSet(key, load),
    keyed: (key) => methods.keyed(key),
    wrapped: (key) => methods.wrapped(key),
    peek: (key) => cache.peek(key),
    set: (key, value) => cache.set(key, value),
    getMany: (keys) => cache.getMany(keys),
    setMany: (entries) => cache.setMany(entries),
    // All of it, as of the others: forgetting takes two numbers here, and the rows would be given back by those who ask next.
    ...(memory && { dropMemory: () => void Array.from(memory.empty(cache.scope())) }),
    close: () => app.close(),
  };
}

export const subjects = [
  {
    name: OURS,
    kind: 'ours',
    package: 'nestjs-multi-level-cache',
    tiers: ['l1', 'l2', 'l3', 'l1+l2', 'l1+l2+l3'],
    open: openOurs,
  },
  {
    name: `${OURS}, warming`,
    kind: 'ours',
    package: 'nestjs-multi-level-cache',
    tiers: ['l1'],
    open: (options) => openOurs({ ...options, settings: { warming: {} } }),
  },
];
