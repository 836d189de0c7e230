// The targets of each tier under load that does not wait: so many requests a second offered, all answered, 99 of 100 of them in time.
import { startPostgres, startRedis } from 'throwaway-servers';
import { ANY } from '../subjects/raw-postgres.mjs';
import { COALESCED } from '../subjects/raw-redis.mjs';
import { loadOn, startApplication, startGenerator } from './processes.mjs';
import { middle } from './run.mjs';

const KEYS = 10_000;
/**
 * Room for young objects, MiB, where Node takes up to 16: they are collected more often and sooner, which a call of memory feels. Where
 * hundreds of requests wait for a store it costs more than it gives.
 */
const SMALL = '--max-semi-space-size=4';
/** Each rate is offered so many times; the one in the middle counts, and what failed in any. */
const RUNS = 5;
/** A tenth of a second of load: what stands still longer is not caught up with. */
const BOUND_SECONDS = 0.1;
const LEAST_BOUND = 1_024;
/** Answers that are still on their way when the measured seconds end; what piles up is more. */
const UNDER_WAY = 0.005;
const STEP = 1.25;
const MOST_STEPS = 6;

const subject = (file, name, tiers) => ({
  module: new URL(file, import.meta.url).href,
  subject: name,
  tiers,
});
const ours = (...tiers) => subject('./ours.mjs', 'ours', tiers);

/** Of each tier: the target, how many times of it are offered, ms for 99 of 100, and what is left when the cache is taken away. */
export const TARGETS = {
  l1: {
    title: 'L1 hits',
    target: 100_000,
    times: 5,
    limit: 1,
    ours: ours('l1', 'l2', 'l3'),
    raw: subject('../subjects/raw-lru.mjs', 'lru-cache with ttl', ['l1']),
  },
  l2: {
    title: 'L2 hits',
    target: 50_000,
    times: 1.1,
    limit: 5,
    ours: ours('l2'),
    raw: subject('../subjects/raw-redis.mjs', COALESCED, ['l2']),
  },
  l3: {
    title: 'L3 hits',
    target: 1_000,
    times: 3,
    limit: 50,
    ours: ours('l3'),
    raw: subject('../subjects/raw-postgres.mjs', ANY, ['l3']),
  },
};

export const passes = ({ offered, achieved, failed, p99 }, { limit }) =>
  failed === 0 && p99 <= limit && achieved >= offered * (1 - UNDER_WAY);

/** The target itself, beside Node as it comes and the raw library under it, and the highest rate at which it would still be met. */
export async function targetOf(name, { seconds, warmUp, flags, ladder }) {
  const target = TARGETS[name];
  const [redis, postgres] = [await startRedis(), await startPostgres()];
  /** The first one is judged. */
  const variants = [
    { one: target.ours, small: true },
    { title: 'the same, Node as it comes', one: target.ours },
    { title: `${target.raw.subject}, as the first`, one: target.raw, small: true },
  ];
  const applications = [];
  let generator;
  try {
    generator = await startGenerator();
    for (const { one, small } of variants)
      applications.push(
        await startApplication(
          {
            ...one,
            keys: KEYS,
            fill: KEYS,
            by: 'set',
            loadMs: 0,
            verb: 'get',
            redisUrl: redis.url,
            postgresUrl: postgres.url,
            maxEntries: 2 * KEYS,
          },
          small ? [SMALL, ...flags] : flags,
        ),
      );
    const offer = (application, rate, length) =>
      loadOn(
        { application, generator },
        { rate, keys: KEYS, bound: Math.max(rate * BOUND_SECONDS, LEAST_BOUND), ...length },
      );
    const rate = target.target * target.times;
    const runs = applications.map(() => []);
    for (let run = 0; run < RUNS; run++)
      for (const [at, application] of applications.entries())
        runs[at].push(await offer(application, rate, { warmUp, seconds }));
    const [result, ...beside] = runs.map((of, at) => ({
      title: variants[at].title,
      ...middle(of),
    }));
    const met = passes(result, target);
    const climbing = (tried, length) => offer(applications[0], tried, length);
    const highest = ladder ? await climb(target, rate, met, climbing) : undefined;
    return { ...target, rate, result, beside, met, highest };
  } finally {
    generator?.stop();
    for (const application of applications) await application.stop();
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}

/** Up from the target while it is met, or down to where it is. */
async function climb(target, rate, met, offer) {
  let best = met ? rate : undefined;
  for (let step = 1; step <= MOST_STEPS; step++) {
    const tried = Math.round(rate * STEP ** (met ? step : -step));
    const good = passes(await offer(tried, { warmUp: 1, seconds: 2 }), target);
    if (good) best = tried;
    if (good !== met) break;
  }
  return best;
}
