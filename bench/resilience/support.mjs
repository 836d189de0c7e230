// What the parts of `npm run bench:resilience` share: a load that does not wait, the stores' content, and bars.
import { median, numbers, openCache, pause, percentile } from '../coherence/support.mjs';

export { median, numbers, openCache, pause, percentile };

export const BUDGET = 20;
/** In memory: asked for again and again. */
const WARM = 1_000;
/** In the stores: each is asked for once. */
const COLD = 12_000;
const AT_A_TIME = 1_000;
const AT_ONCE = 50;
const TRIES = 40;
const AGAIN_MS = 250;
/** Every so many requests one is for a cold key. */
const COLD_EVERY = 5;
/** A loader that costs more than a read of L3, as most do: else L3 is read seldom. */
const LOAD_MS = 20;

const warm = numbers(WARM).map((at) => `warm:${at}`);
const cold = numbers(COLD).map((at) => `cold:${at}`);
const valueOf = (key) => ({
  key,
  name: 'a value of about one hundred bytes',
  price: 19.99,
  stock: true,
});

async function load(key) {
  await pause(LOAD_MS);
  return valueOf(key);
}

/** Options of an application on these stores; one that is left out is off. */
export function optionsOf({ redis, postgres }) {
  return {
    // Full from early on: what memory holds does not grow.
    l1: { maxEntries: 2 * WARM },
    ...(redis && { l2: { url: redis.url, budget: BUDGET } }),
    ...(postgres && { l3: { url: postgres.url } }),
    defaults: { ttl: '1h', jitter: 0 },
  };
}

/** Puts every key into both stores. */
export async function fill(stores) {
  const { app, cache } = await openCache({ ...optionsOf(stores), l1: false });
  const keys = [...warm, ...cold];
  for (let at = 0; at < keys.length; at += AT_A_TIME) {
    const part = keys.slice(at, at + AT_A_TIME);
    await cache.getOrSetMany(part, async (missing) => {
      await pause(LOAD_MS);
      return missing.map((key) => [key, valueOf(key)]);
    });
  }
  await app.close();
}

/** An application with all the warm keys in memory. */
export async function openWarm(stores) {
  const opened = await openCache(optionsOf(stores));
  const { cache } = opened;
  // What a tier is too late for, as in a process that has just begun, is not kept: it is asked for again.
  for (let missing = warm, tries = 0; missing.length > 0; tries++) {
    if (tries === TRIES) throw new Error(`${missing.length} keys did not come into memory`);
    if (tries > 0) await pause(AGAIN_MS);
    for (let at = 0; at < missing.length; at += AT_ONCE)
      await Promise.all(
        missing.slice(at, at + AT_ONCE).map((key) => cache.getOrSet(key, () => load(key))),
      );
    missing = warm.filter((key) => cache.peek(key) === undefined);
  }
  return opened;
}

/** So many requests a second, however long each takes; times are counted from the moment a request was due. */
export class Traffic {
  #cache;
  #perSecond;
  #began = performance.now();
  #sent = 0;
  #running = new Set();
  #stretch = none();
  #stopped = false;
  #going;

  constructor(cache, perSecond) {
    this.#cache = cache;
    this.#perSecond = perSecond;
    this.#going = this.#go();
  }

  /** What the requests sent since the last time have come to, as soon as all of them have. */
  async take() {
    const stretch = this.#stretch;
    this.#stretch = none();
    await Promise.all(this.#running);
    return stretch;
  }

  async during(ms) {
    await pause(ms);
    return this.take();
  }

  async stop() {
    this.#stopped = true;
    await this.#going;
    return this.take();
  }

  async #go() {
    while (!this.#stopped) {
      const due = () => this.#began + (this.#sent * 1_000) / this.#perSecond;
      for (; due() <= performance.now(); this.#sent++) {
        const request = this.#request(this.#sent, due(), this.#stretch);
        this.#running.add(request);
        void request.finally(() => this.#running.delete(request));
      }
      await pause(1);
    }
  }

  async #request(number, due, stretch) {
    const isCold = number % COLD_EVERY === 0;
    const key = isCold ? cold[(number / COLD_EVERY) % COLD] : warm[(number * 7_919) % WARM];
    const loader = async () => {
      stretch.loads++;
      return load(key);
    };
    try {
      const { key: answered } = await this.#cache.getOrSet(key, loader);
      if (answered !== key) throw new Error(`${key} was answered by ${answered}`);
    } catch {
      stretch.failed++;
    }
    const ms = performance.now() - due;
    stretch.times.push(ms);
    if (isCold) stretch.misses.push(ms);
  }
}

function none() {
  return { times: [], misses: [], failed: 0, loads: 0 };
}

/** Nanoseconds of a hit in memory. */
export async function timeOfHits(cache, hits) {
  let ms = 0;
  for (let left = hits; left > 0; left -= AT_A_TIME) {
    const began = performance.now();
    for (let at = 0; at < AT_A_TIME; at++) await cache.get(warm[at]);
    ms += performance.now() - began;
    // Timers and sockets have their turn.
    await new Promise(setImmediate);
  }
  return (ms / hits) * 1e6;
}

/** Resolves as soon as it is so. */
export async function until(what, found, most = 20_000) {
  const began = performance.now();
  while (!found()) {
    if (performance.now() - began > most) throw new Error(`${what}: not within ${most} ms`);
    await pause(5);
  }
  return performance.now() - began;
}

/** On the heap and in array buffers, once nothing more can be collected. */
export async function memory() {
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** One line; `pass` is left out where there is no bar. */
export function bar(what, figures, { most, unit = '', digits = 1 }) {
  const figure = median(figures);
  const show = (number) => number.toFixed(digits);
  const range =
    figures.length > 1 ? ` (${show(Math.min(...figures))}–${show(Math.max(...figures))})` : '';
  if (most === undefined)
    return { pass: true, line: `      ${what}: ${show(figure)}${range}${unit}` };
  const pass = figure <= most;
  return {
    pass,
    line: `${pass ? 'pass' : 'FAIL'}  ${what}: ${show(figure)}${range}${unit}, bar ${show(most)}${unit}`,
  };
}
