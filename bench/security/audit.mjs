// Events that one process gets into PostgreSQL without losing any, whether they verify, and what the log costs a hit in memory.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { CACHE_AUDIT, verifyAudit } from 'nestjs-multi-level-cache';
import { DatabaseAuditReader } from '../../libs/multi-level-cache/dist/tiers/database/audit-reader.js';
import { bar, median, numbers, openCache, pause, timeOfHits } from '../resilience/support.mjs';

const KEY = 'a key for benchmarks, of 32 bytes at least';
const EVENTS = 100_000;
const LEAST_RATE = 15_000;
/** Beyond, new ones would be lost: whoever offers more than is written is told so by `dropped`. */
const IN_RING = 5_000;
const OFFERED = 15_000;
const OFFERED_MS = 5_000;
const EVERY_MS = 5;
const HITS = 200_000;
const PAIRS = 11;

const auditOn = { audit: { sink: 'database', key: () => KEY } };
const eventOf = (at) => ({
  type: 'mutation',
  action: 'set',
  actor: 'user',
  tenantId: `tenant-${at % 100}`,
  subjectId: `user-${at % 1_000}`,
  cache: 'default',
  keys: [{ name: `shop:default:product:${at}` }],
  requestId: `request-${at}`,
});

export async function audit({ postgres }, { trials }) {
  return [
    ...(await throughput(postgres, trials)),
    await offered(postgres),
    await verified(postgres),
    await hits(),
  ];
}

async function withLog(postgres, work) {
  const { app } = await openCache({ l3: { url: postgres.url }, security: auditOn });
  try {
    return await work(app.get(CACHE_AUDIT));
  } finally {
    await app.close();
  }
}

/** As many as it takes. */
async function throughput(postgres, trials) {
  const rates = [];
  let dropped = 0;
  for (let trial = 0; trial < trials; trial++)
    await withLog(postgres, async (log) => {
      const began = performance.now();
      for (let at = 0; at < EVENTS;) {
        const { recorded, written } = log.stats();
        for (let room = IN_RING - (recorded - written); room > 0 && at < EVENTS; room--)
          log.record(eventOf(at++));
        await new Promise(setImmediate);
      }
      await log.flush();
      rates.push((EVENTS / (performance.now() - began)) * 1_000);
      dropped += log.stats().dropped;
    });
  const pass = median(rates) >= LEAST_RATE && dropped === 0;
  const shown = rates.map((rate) => Math.round(rate));
  const range = `${Math.min(...shown)}–${Math.max(...shown)}`;
  const line = `audit, events per second into PostgreSQL: ${Math.round(median(rates))} (${range}), ${dropped} dropped, bar ${LEAST_RATE} and 0 dropped`;
  return [{ pass, line: `${pass ? 'pass' : 'FAIL'}  ${line}` }];
}

/** So many a second, whether they are taken or not. */
async function offered(postgres) {
  return withLog(postgres, async (log) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const began = performance.now();
    delay.enable();
    let sent = 0;
    for (let past = 0; past < OFFERED_MS; past = performance.now() - began) {
      while (sent < (OFFERED * past) / 1_000) log.record(eventOf(sent++));
      await pause(EVERY_MS);
    }
    delay.disable();
    await log.flush();
    const { dropped } = log.stats();
    const pass = dropped === 0;
    const late = (delay.percentile(99) / 1e6).toFixed(1);
    const line = `audit, ${OFFERED} events per second for ${OFFERED_MS / 1_000} s: ${dropped} of ${sent} dropped, 99 % of turns of the event loop begin within ${late} ms, bar 0 dropped`;
    return { pass, line: `${pass ? 'pass' : 'FAIL'}  ${line}` };
  });
}

/** All of it, as the command does. */
async function verified(postgres) {
  const reader = await DatabaseAuditReader.open(postgres.url, 'mlcache');
  const began = performance.now();
  const source = { records: reader.records(), checkpoints: reader.checkpoints() };
  const { chains } = await verifyAudit(source, { keys: [Buffer.from(KEY)], now: Date.now() });
  const seconds = (performance.now() - began) / 1_000;
  await reader.close();
  const records = chains.reduce((sum, chain) => sum + chain.records, 0);
  const broken = chains.filter(({ state }) => state !== 'closed').length;
  const line = `audit, ${records} records verified in ${seconds.toFixed(1)} s: ${broken} of ${chains.length} chains not whole, bar 0`;
  return { pass: broken === 0, line: `${broken === 0 ? 'pass' : 'FAIL'}  ${line}` };
}

async function hits() {
  const sink = { write: async () => undefined };
  const apps = [
    await openCache({ namespace: 'off', defaults: { ttl: '1h' } }),
    await openCache({
      namespace: 'on',
      defaults: { ttl: '1h' },
      security: { audit: { ...auditOn.audit, sink } },
    }),
  ];
  for (const { cache } of apps)
    for (const at of numbers(1_000)) await cache.getOrSet(`warm:${at}`, () => ({ at }));
  const ratios = [];
  const ns = [[], []];
  for (let pair = -2; pair < PAIRS; pair++) {
    const times = [];
    // Who comes first takes turns.
    for (const one of pair % 2 === 0 ? [0, 1] : [1, 0])
      times[one] = await timeOfHits(apps[one].cache, HITS);
    if (pair < 0) continue;
    times.forEach((time, one) => ns[one].push(time));
    ratios.push(100 * (times[1] / times[0] - 1));
  }
  for (const { app } of apps) await app.close();
  const [off, on] = ns.map((list) => median(list).toFixed(0));
  const what = `audit, on top of a hit in memory (${on} to ${off} ns), no reads kept`;
  return bar(what, ratios, { most: 5, unit: ' %' });
}
