/** Turns what is known of a key into the features of an example: four opinions on its rate, and where its figures lie. Pure. */
import { HALF_LIVES, type KeyColumns } from './key-columns.js';
import type { Horizon } from '../core/predictor.js';

/** Buckets of a figure, by its logarithm. */
const BUCKETS = 16;
const STEP = 0.75;
const LEAST = 1e-9;
/** No chance is taken as certain. */
const EDGE = 1e-4;
const BIAS = 1;
const OPINIONS = HALF_LIVES.length + 1;

/** Where the features of each figure begin. */
const START = layout({
  fast: BUCKETS,
  middle: BUCKETS,
  slow: BUCKETS,
  age: BUCKETS,
  ageInGaps: BUCKETS,
  gap: BUCKETS,
  earlierGap: BUCKETS,
  count: BUCKETS,
  group: BUCKETS,
  load: BUCKETS,
  ageByRate: BUCKETS ** 2,
  countByAge: BUCKETS ** 2,
});

/** Features of one example, by number; the same place always holds the same figure. */
const LENGTH = BIAS + OPINIONS + 12;

/** How busy things are beside the key itself. */
export interface Surroundings {
  /** Accesses per time to live, of the key's group. */
  readonly group: number;
  /** Accesses of all keys lately, to those of longer ago. */
  readonly load: number;
  /** For how long accesses have been told, ms. */
  readonly told: number;
}

/** Weights before anything was learned: the opinions count alike, and nothing else counts. */
export const opinions = (feature: number): number =>
  feature >= BIAS && feature < BIAS + OPINIONS ? 1 / OPINIONS : 0;

/** Written anew for each key: the numbers of the features, and their values for the two questions. */
export class Features {
  static readonly count = START.end;
  static readonly length = LENGTH;
  readonly at = new Int32Array(LENGTH);
  readonly soon = new Float64Array(LENGTH).fill(1);
  readonly within = new Float64Array(LENGTH).fill(1);

  constructor() {
    for (let feature = 0; feature < BIAS + OPINIONS; feature++) this.at[feature] = feature;
  }

  write(keys: KeyColumns, id: number, { now, soon, ttl }: Horizon, around: Surroundings): void {
    const told = Math.max(around.told, soon, 1);
    const rate = (counted: number, halfLife: number): number => {
      const span = halfLife * ttl;
      const faded = counted * 2 ** (-Math.max(now - keys.last[id], 0) / span);
      // Of a count that fades: of an endless past it would be faded · ln 2 / span.
      return (faded * Math.LN2) / span / (1 - 2 ** (-told / span));
    };
    const fast = rate(keys.fast[id], HALF_LIVES[0]);
    const middle = rate(keys.middle[id], HALF_LIVES[1]);
    const slow = rate(keys.slow[id], HALF_LIVES[2]);
    const count = keys.count[id];
    this.#opinion(0, fast, soon, ttl);
    this.#opinion(1, middle, soon, ttl);
    this.#opinion(2, slow, soon, ttl);
    this.#opinion(3, count / told, soon, ttl);

    const age = Math.max(now - keys.last[id], 0);
    const meanGap = count > 1 ? (keys.last[id] - keys.first[id]) / (count - 1) : 0;
    const [ageBucket, countBucket] = [bucket(age / ttl, -5), bucket(count, 0)];
    const rateBucket = bucket(middle * ttl, -6);
    const { at } = this;
    let next = BIAS + OPINIONS;
    at[next++] = START.fast + bucket(fast * ttl, -6);
    at[next++] = START.middle + rateBucket;
    at[next++] = START.slow + bucket(slow * ttl, -6);
    at[next++] = START.age + ageBucket;
    at[next++] = START.ageInGaps + known(count > 1, age / Math.max(meanGap, 1));
    at[next++] = START.gap + known(count > 1, keys.gap[id] / ttl);
    at[next++] = START.earlierGap + known(count > 2, keys.earlierGap[id] / ttl);
    at[next++] = START.count + countBucket;
    at[next++] = START.group + bucket(around.group, -4);
    at[next++] = START.load + bucket(around.load, -4);
    at[next++] = START.ageByRate + ageBucket * BUCKETS + rateBucket;
    at[next++] = START.countByAge + countBucket * BUCKETS + ageBucket;
  }

  /** As if accesses came at this rate, whenever they like. */
  #opinion(which: number, rate: number, soon: number, ttl: number): void {
    this.soon[BIAS + which] = logit(1 - Math.exp(-rate * soon));
    this.within[BIAS + which] = logit(1 - Math.exp(-rate * ttl));
  }
}

function logit(chance: number): number {
  const inside = Math.min(Math.max(chance, EDGE), 1 - EDGE);
  return Math.log(inside / (1 - inside));
}

function bucket(figure: number, lowest: number): number {
  const at = Math.floor((Math.log2(Math.max(figure, LEAST)) - lowest) / STEP);
  return Math.min(Math.max(at, 0), BUCKETS - 1);
}

/** The first bucket stands for "not known". */
function known(is: boolean, figure: number): number {
  return is ? 1 + Math.min(bucket(figure, -5), BUCKETS - 2) : 0;
}

function layout<N extends string>(sizes: Record<N, number>): Record<N | 'end', number> {
  let end = BIAS + OPINIONS;
  const starts = Object.entries<number>(sizes).map(([name, size]) => {
    end += size;
    return [name, end - size] as const;
  });
  return Object.fromEntries([...starts, ['end', end]]) as Record<N | 'end', number>;
}
