// A mixed load over a million keys: this library with three tiers, other caches with two. Ours and theirs take turns, each over a
// Redis of its own, asked by the same generator for the same keys in the same order.
import { access } from 'node:fs/promises';
import { startPostgres, startRedis } from 'throwaway-servers';
import { loadOn, startApplication, startGenerator } from './processes.mjs';
import { median } from './report.mjs';

/** Popularity falls as 1/rank, so ten thousand of them are asked for in 68 of 100 requests. */
const KEYS = 1_000_000;
/** The most popular are in every tier when it begins, 88 of 100 requests; the others are loaded when asked for. */
const FILLED = 200_000;
const IN_MEMORY = 10_000;
const LOAD_MS = 1;
/** One of twenty requests writes. */
const WRITES = 20;
const WIDTH = 256;
const ROUNDS = 3;
const BAR = 2;
const LIMIT = 5;
const BOUND_SECONDS = 0.1;
const TWO = ['l1', 'l2'];

const OURS = {
  name: 'ours',
  url: new URL('./ours.mjs', import.meta.url),
  tiers: ['l1', 'l2', 'l3'],
};
/** Each as fast as it can be made. */
const PEERS = {
  // Without serializing it cannot read what it has brought up from Redis.
  bentocache: 'bentocache',
  'layered-loader': 'layered-loader',
  cacheable: 'cacheable, useClone: false',
};

/** @param subjects - the folder in which the other caches are */
export async function mixed({ seconds, warmUp, flags, subjects }) {
  const [here, missing] = [[OURS], []];
  for (const [file, name] of Object.entries(PEERS)) {
    const url = new URL(`${file}.mjs`, subjects);
    const there = await access(url).then(
      () => true,
      () => false,
    );
    if (there) here.push({ name, url, tiers: TWO });
    else missing.push(file);
  }
  const generator = await startGenerator();
  const opened = [];
  try {
    for (const subject of here) opened.push(await openSubject(subject, generator, flags));
    for (let round = -1; round < ROUNDS; round++)
      for (const subject of opened)
        await subject.turn(round < 0 ? warmUp : 0.5, Math.min(seconds, 4), round >= 0);
    const [ours, ...others] = opened;
    const rate = Math.round(median(ours.rates) / 2);
    const half = await loadOn(ours, {
      rate,
      keys: KEYS,
      writes: WRITES,
      warmUp: 1,
      seconds,
      bound: Math.max(rate * BOUND_SECONDS, 1_024),
    });
    const best = Math.max(...others.map(({ rates }) => median(rates)));
    const ratio = others.length > 0 ? median(ours.rates) / best : undefined;
    return {
      subjects: opened,
      half: { ...half, limit: LIMIT },
      ratio,
      bar: BAR,
      met: {
        ratio: ratio === undefined || ratio >= BAR,
        half: half.p99 <= LIMIT && half.failed === 0,
      },
      missing,
    };
  } finally {
    generator.stop();
    for (const subject of opened) await subject.close();
  }
}

async function openSubject({ name, url, tiers }, generator, flags) {
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
  const subject = {
    name,
    tiers,
    application,
    generator,
    rates: [],
    cpuUs: [],
    loads: [],
    skipped: 0,
    failed: 0,
  };
  let first = 0;
  subject.turn = async (warmUp, seconds, counts) => {
    const how = { width: WIDTH, keys: KEYS, writes: WRITES, warmUp, seconds, first };
    const { achieved, failed, next, cpu, loads, skipped = 0 } = await loadOn(subject, how);
    const asked = next - first;
    first = next;
    if (!counts) return;
    subject.rates.push(achieved);
    subject.cpuUs.push((cpu * 1e6) / achieved);
    subject.loads.push((100 * loads) / asked);
    subject.skipped += skipped;
    subject.failed += failed;
  };
  subject.close = async () => {
    await application.stop();
    await Promise.all([redis.stop(), postgres?.stop()]);
  };
  return subject;
}
