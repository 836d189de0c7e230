// What telemetry costs a hit below memory: metrics alone, and spans as well where the request is recorded. Caches without and with
// it take turns in one process that collects and carries a context.
import { CacheTelemetryModule } from 'nestjs-multi-level-cache/telemetry';
import { bar, median, numbers, openCache } from '../resilience/support.mjs';
import { collectMetrics, collectTraces, inRequest } from './sdk.mjs';

const KEYS = 1_000;
const PAIRS = 31;
const READS = 2_000;
/** Of the tier's median. */
const SHARE = 0.05;

export async function lower({ redis, postgres }) {
  collectMetrics();
  collectTraces();
  const bars = [];
  for (const [tier, options] of [
    ['L2', { l2: { url: redis.url, budget: 1_000 } }],
    ['L3', { l3: { url: postgres.url, budget: 1_000 }, placement: false }],
  ])
    bars.push(...(await compare(tier, { l1: false, defaults: { ttl: '1h' }, ...options })));
  return bars;
}

async function compare(tier, options) {
  const off = await openCache(options);
  const on = await openCache(options, [CacheTelemetryModule]);
  const keys = numbers(KEYS).map((at) => `key:${at}`);
  for (const key of keys) await off.cache.set(key, { key, name: 'about one hundred bytes' });
  const subjects = {
    off: () => timeOf(off.cache, keys),
    metrics: () => timeOf(on.cache, keys),
    'spans off': () => traced(() => timeOf(off.cache, keys)),
    spans: () => traced(() => timeOf(on.cache, keys)),
  };
  const us = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let pair = -2; pair < PAIRS; pair++) {
    const order = Object.keys(subjects);
    for (const name of pair % 2 === 0 ? order : order.toReversed()) {
      const took = await subjects[name]();
      if (pair >= 0) us[name].push(took);
    }
  }
  await Promise.all([off.app.close(), on.app.close()]);
  const most = SHARE * median(us.off);
  const more = (name, to) => us[name].map((took, at) => took - us[to][at]);
  return [
    bar(`a hit in ${tier}`, us.off, { unit: ' us', digits: 0 }),
    bar(`with metrics, on top of a hit in ${tier}`, more('metrics', 'off'), {
      unit: ' us',
      digits: 1,
      most,
    }),
    // Of a request that is recorded: as many as are sampled pay it, and that is the application's to say.
    bar(`with metrics and spans, on top of a hit in ${tier}`, more('spans', 'spans off'), {
      unit: ' us',
      digits: 1,
    }),
  ];
}

async function traced(work) {
  let took = 0;
  await inRequest(async () => {
    took = await work();
  });
  return took;
}

/** us of a read. */
async function timeOf(cache, keys) {
  const began = performance.now();
  for (let at = 0; at < READS; at++)
    if ((await cache.get(keys[at % KEYS])) === undefined) throw new Error('no hit');
  return ((performance.now() - began) * 1_000) / READS;
}
