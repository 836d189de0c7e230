// The targets of each tier under load that does not wait: so many requests a second offered, all answered, 99 of 100 of them in time.
import { startPostgres, startRedis } from 'throwaway-servers';
import { loadOn, startApplication, startGenerator } from './processes.mjs';

const KEYS = 10_000;
const MODULE = new URL('./ours.mjs', import.meta.url).href;
/** A tenth of a second of load: what stands still longer is not caught up with. */
const BOUND_SECONDS = 0.1;
const LEAST_BOUND = 1_024;
/** Answers that are still on their way when the measured seconds end; what piles up is more. */
const UNDER_WAY = 0.005;
const STEP = 1.25;
const MOST_STEPS = 6;

/** Of each tier: the target, how many times of it are offered, and ms for 99 of 100. */
export const TARGETS = {
  l1: { title: 'L1 hits', target: 100_000, times: 5, limit: 1, tiers: ['l1', 'l2', 'l3'] },
  l2: { title: 'L2 hits', target: 50_000, times: 1.1, limit: 5, tiers: ['l2'] },
  l3: { title: 'L3 hits', target: 1_000, times: 3, limit: 50, tiers: ['l3'] },
};

export const passes = ({ offered, achieved, failed, p99 }, { limit }) =>
  failed === 0 && p99 <= limit && achieved >= offered * (1 - UNDER_WAY);

/** The target itself, and the highest rate at which it would still be met. */
export async function targetOf(name, { seconds, warmUp, flags, ladder }) {
  const target = TARGETS[name];
  const [redis, postgres] = [await startRedis(), await startPostgres()];
  const parts = {};
  try {
    parts.generator = await startGenerator();
    const where = { tiers: target.tiers, redisUrl: redis.url, postgresUrl: postgres.url };
    const what = {
      module: MODULE,
      subject: 'ours',
      keys: KEYS,
      fill: KEYS,
      by: 'set',
      loadMs: 0,
      verb: 'get',
    };
    parts.application = await startApplication({ ...what, ...where, maxEntries: 2 * KEYS }, flags);
    const offer = (rate, length) =>
      loadOn(parts, {
        rate,
        keys: KEYS,
        bound: Math.max(rate * BOUND_SECONDS, LEAST_BOUND),
        ...length,
      });
    const rate = target.target * target.times;
    const result = await offer(rate, { warmUp, seconds });
    const met = passes(result, target);
    const highest = ladder ? await climb(target, rate, met, offer) : undefined;
    return { name, ...target, rate, result, met, highest };
  } finally {
    parts.generator?.stop();
    await parts.application?.stop();
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
