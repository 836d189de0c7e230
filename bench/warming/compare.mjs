// One trace, all budgets and strategies: each against the same replay without warming.
import {
  EwmaPredictor,
  RecentPredictor,
} from '../../libs/multi-level-cache/dist/warming/simple-predictors.js';
import { LearnedPredictor } from '../../libs/multi-level-cache/dist/warming/learned-predictor.js';
import { Oracle } from './oracle.mjs';
import { replay } from './replay.mjs';

/** Loads for each miss that warming could have saved. */
export const BETAS = [0.25, 0.5, 1];

/** Looks at every key there ever was, has no threshold, and spends what it gets. */
const planner = { leastChance: 0, limit: Infinity, shortlist: Infinity, halfLifeMs: Infinity };
const spends = (make) => ({ make, planner, backsOff: false });
const judges = (make) => ({ make });

/** Rules that stay as they are. */
export const FIXED = {
  'recent-2T': spends((_trace, ttl) => new RecentPredictor(2 * ttl)),
  'recent-8T': spends((_trace, ttl) => new RecentPredictor(8 * ttl)),
  'recent-all': spends(() => new RecentPredictor(Infinity)),
  'ewma-T': spends((_trace, ttl) => new EwmaPredictor(ttl)),
  'ewma-4T': spends((_trace, ttl) => new EwmaPredictor(4 * ttl)),
  'ewma-16T': spends((_trace, ttl) => new EwmaPredictor(16 * ttl)),
};

const STRATEGIES = {
  none: undefined,
  ...FIXED,
  frozen: judges(() => new LearnedPredictor({ learns: false })),
  learned: judges(() => new LearnedPredictor()),
  oracle: spends((trace) => new Oracle(trace)),
};

/** `{ line, requests, idleLoads }` for each budget and strategy; `line` is what is printed. */
export function* compare(trace, betas) {
  const { capacity, tick, tickMs, ttl, ttlMs } = trace.settings;
  const entries =
    capacity === undefined
      ? undefined
      : Math.max(1, Math.round(capacity * new Set(trace.keys).size));
  const bounds = { ttlMs, tickMs, entries };
  const bare = replay(trace, bounds);
  for (const beta of betas) {
    const perTick = (beta * (bare.misses - bare.cold)) / Math.max(bare.ticks, 1);
    for (const [strategy, how] of Object.entries(STRATEGIES)) {
      const done = how
        ? replay(trace, bounds, { ...how, predictor: how.make(trace, ttlMs), perTick })
        : bare;
      const { cold, idleLoads, loads, misses, requests, useful } = done;
      const line = {
        trace: trace.name,
        ttl,
        tick,
        ...(capacity === undefined ? {} : { capacity }),
        beta,
        strategy,
        misses,
        cold,
        missReduction: bare.misses > 0 ? round((bare.misses - misses) / bare.misses) : 0,
        precision: loads > 0 ? round(useful / loads) : null,
        loads,
      };
      yield { line, requests, idleLoads };
    }
  }
}

const round = (number) => Math.round(number * 1e5) / 1e5;
