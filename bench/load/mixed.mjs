// A mixed load over a million keys: this library with three tiers, other caches with two. Ours and theirs take turns, each over a
// Redis of its own, asked by the same generator for the same keys in the same order.
import { startPostgres, startRedis } from 'throwaway-servers';
import { median } from '../lib/figures.mjs';
import { COALESCED } from '../subjects/raw-redis.mjs';
import { loadOn, startApplication, startGenerator } from './processes.mjs';

/** Popularity falls as 1/rank, so ten thousand of them are asked for in 68 of 100 requests. */
const KEYS = 1_000_000;
/** The most popular are in every tier when it begins, 88 of 100 requests; the others are loaded when asked for. */
const FILLED = 200_000;
const IN_MEMORY = 10_000;
const LOAD_MS = 1;
/** One of twenty requests writes. */
const WRITES = 20;
const WIDTH = 256;
/** Of each turn: the same requests for everybody, at whatever pace. */
const REQUESTS = 100_000;
const ROUNDS = 3;
const BAR = 2;
const LIMIT = 5;
const BOUND_SECONDS = 0.1;
const TWO = ['l1', 'l2'];

const subject = (file, name, { kind = 'peer', tiers = TWO } = {}) => ({
  name,
  kind,
  tiers,
  url: new URL(file, import.meta.url),
});

/** Ours, what is possible, and others as fast as each can be made. */
const SUBJECTS = [
  subject('./ours.mjs', 'ours', { kind: 'ours', tiers: ['l1', 'l2', 'l3'] }),
  subject('./by-hand.mjs', COALESCED, { kind: 'raw' }),
  // Without serializing it cannot read what it has brought up from Redis.
  subject('../subjects/bentocache.mjs', 'bentocache'),
  subject('../subjects/layered-loader.mjs', 'layered-loader'),
  subject('../subjects/cacheable.mjs', 'cacheable, useClone: false'),
];

export async function mixed({ seconds, requests = REQUESTS, flags }) {
  const generator = await startGenerator();
  const opened = [];
  try {
    for (const one of SUBJECTS) opened.push(await openSubject(one, generator, flags));
    // The first one warms up.
    for (let round = 0; round <= ROUNDS; round++)
      for (const one of opened) await one.turn(round * requests, requests, round > 0);
    const [ours] = opened;
    const rate = Math.round(median(ours.rates) / 2);
    const half = await loadOn(ours, {
      rate,
      keys: KEYS,
      writes: WRITES,
      first: (ROUNDS + 1) * requests,
      warmUp: 1,
      seconds,
      bound: Math.max(rate * BOUND_SECONDS, 1_024),
    });
    const others = opened.filter(({ kind }) => kind === 'peer');
    const best = Math.max(...others.map(({ rates }) => median(rates)));
    const ratio = median(ours.rates) / best;
    return {
      subjects: opened,
      half: { ...half, limit: LIMIT },
      ratio,
      bar: BAR,
      met: {
        ratio: ratio >= BAR,
        half: half.p99 <= LIMIT && half.failed === 0,
      },
    };
  } finally {
    generator.stop();
    for (const one of opened) await one.close();
  }
}

async function openSubject({ name, kind, url, tiers }, generator, flags) {
  const redis = await startRedis();
  const postgres = tiers.includes('l3') ? await startPostgres() : undefined;
  const application = await startApplication(
    {
      module: url.href,
      subject: name,
      keys: KEYS,
      fill: FILLED,
      loadMs: LOAD_MS,
      verb: 'getOrSet',
      tiers,
      redisUrl: redis.url,
      postgresUrl: postgres?.url,
      maxEntries: IN_MEMORY,
    },
    flags,
  );
  const opened = {
    name,
    kind,
    tiers,
    application,
    generator,
    rates: [],
    cpuUs: [],
    loads: [],
    skipped: 0,
    failed: 0,
  };
  opened.turn = async (first, count, counts) => {
    const how = { width: WIDTH, keys: KEYS, writes: WRITES, first, count };
    const { achieved, failed, cpuMs, loads, skipped = 0 } = await loadOn(opened, how);
    if (!counts) return;
    opened.rates.push(achieved);
    opened.cpuUs.push((cpuMs * 1e3) / count);
    opened.loads.push((100 * loads) / count);
    opened.skipped += skipped;
    opened.failed += failed;
  };
  opened.close = async () => {
    await application.stop();
    await Promise.all([redis.stop(), postgres?.stop()]);
  };
  return opened;
}
