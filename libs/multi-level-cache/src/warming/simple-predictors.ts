/** Predictors that learn nothing: what was asked for most lately will be asked for again. Pure. */
import type { Chances, Horizon, Predictor } from '../core/predictor.js';

/**
 * Counts that fade with a half-life; the rate they stand for is taken as the rate to come. For the option `warming.predictor`,
 * where what is hot now will be hot soon, and nothing is to be learned.
 *
 * @example
 * const options = { namespace: 'shop', warming: { predictor: new EwmaPredictor(300_000) } };
 */
export class EwmaPredictor implements Predictor {
  readonly #counts: number[] = [];
  readonly #at: number[] = [];

  constructor(
    /** ms */
    readonly halfLife: number,
  ) {}

  begin(id: number): void {
    this.#counts[id] = this.#at[id] = 0;
  }

  observe(id: number, count: number, at: number): void {
    this.#counts[id] = this.#faded(id, at) + count;
    this.#at[id] = at;
  }

  forget(id: number): void {
    this.#counts[id] = 0;
  }

  score(id: number, horizon: Horizon, into: Chances): void {
    byRate((this.#faded(id, horizon.now) * Math.LN2) / this.halfLife, horizon, into);
  }

  #faded(id: number, now: number): number {
    return this.#counts[id] * 2 ** (-Math.max(now - this.#at[id], 0) / this.halfLife);
  }
}

/** Counts of the last `window` ms; `Infinity` = of all time. Takes memory for each key and round of the window. */
export class RecentPredictor implements Predictor {
  readonly #counts: number[] = [];
  /** Told accesses in the order of time, those that still count from `#oldest` on. */
  #told: {
    readonly id: number;
    readonly life: number;
    readonly count: number;
    readonly at: number;
  }[] = [];
  /** How often the number was given away: what was told of an earlier key does not count. */
  readonly #lives: number[] = [];
  #oldest = 0;
  #began: number | undefined;

  constructor(readonly window: number) {}

  begin(id: number, _group: number, now: number): void {
    this.#began ??= now;
    this.#counts[id] = 0;
    this.#lives[id] ??= 0;
  }

  observe(id: number, count: number, at: number): void {
    this.#counts[id] += count;
    if (this.window !== Infinity) this.#told.push({ id, life: this.#lives[id], count, at });
  }

  forget(id: number): void {
    this.#lives[id]++;
  }

  score(id: number, horizon: Horizon, into: Chances): void {
    this.#letGo(horizon.now);
    const span = Math.min(this.window, Math.max(horizon.now - (this.#began ?? 0), 1));
    byRate(this.#counts[id] / span, horizon, into);
  }

  #letGo(now: number): void {
    for (; this.#oldest < this.#told.length; this.#oldest++) {
      const { at, count, id, life } = this.#told[this.#oldest];
      if (at > now - this.window) break;
      if (life === this.#lives[id]) this.#counts[id] -= count;
    }
    // Now and then, so that what counts no more is not held.
    if (2 * this.#oldest < this.#told.length) return;
    this.#told = this.#told.slice(this.#oldest);
    this.#oldest = 0;
  }
}

function byRate(rate: number, { soon, ttl }: Horizon, into: Chances): void {
  into.soon = 1 - Math.exp(-rate * soon);
  into.within = 1 - Math.exp(-rate * ttl);
}
