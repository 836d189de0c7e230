/** Whether what is warmed is asked for more often than what chance would pick; if not, warming stands down. Pure. */
import { Trials } from './trials.js';

/** The odds that a load is used, to those of chance, of warming that is worth its loads. */
const BETTER = 4;
/** Wald's bound for being wrong once in a hundred times. */
const SURE = Math.log(99);
/** Chance is taken to be at least this good, so that what is hardly ever used is never worth it. */
const LEAST_CHANCE = 0.01;
/** What is left of the budget, to notice when it pays again. */
const PROBING = 0.05;
/** Candidates picked by chance at each plan: what would have become of them had they been loaded. */
export const CONTROLS = 16;
/** Outcomes chance is reckoned from: of a few plans, for in a rush all keys are asked for, and of many, for few say little. */
const LATELY = 4 * CONTROLS;
const LONG = 64 * CONTROLS;

/**
 * A sequential test of two guesses: loads are used as often as what chance picks, with probability c, or their odds are B times
 * as good. The logarithm of how much better the second one explains what happened grows with each load by
 *
 *     used · ln B − ln(1 + (B − 1)·c)
 *
 * and is kept within ±ln 99. At the lower end warming stands down, at the upper end it comes back: so it takes the fewer loads
 * the clearer the case, and bad luck of a few does nothing. In the long run it comes to a bar for the share of loads that are
 * used, `threshold`: about twice chance where that is small. A. Wald, "Sequential Tests of Statistical Hypotheses", 1945;
 * bounds that hold the sum as in E. S. Page, "Continuous Inspection Schemes", 1954.
 */
export class Precision {
  readonly loads = new Trials();
  /** Nothing is loaded for them: they are the chance to compare with. */
  readonly controls = new Trials();
  #evidence = 0;
  #judgedTotal = 0;
  #judgedUsed = 0;
  #standsDown = false;

  /** Which share of the budget is worth spending. */
  get factor(): number {
    return this.#standsDown ? PROBING : 1;
  }

  get standsDown(): boolean {
    return this.#standsDown;
  }

  /** The share of loads that has to be used. */
  get threshold(): number {
    return this.#price / Math.log(BETTER);
  }

  asked(id: number, at: number): void {
    this.loads.asked(id, at);
    this.controls.asked(id, at);
  }

  forget(id: number): void {
    this.loads.forget(id);
    this.controls.forget(id);
  }

  settle(now: number): void {
    this.loads.settle(now);
    this.controls.settle(now);
    const { total, used } = this.loads;
    const gained = (used - this.#judgedUsed) * Math.log(BETTER);
    const paid = (total - this.#judgedTotal) * this.#price;
    [this.#judgedTotal, this.#judgedUsed] = [total, used];
    this.#evidence = Math.min(Math.max(this.#evidence + gained - paid, -SURE), SURE);
    if (this.#evidence <= -SURE) this.#standsDown = true;
    if (this.#evidence >= SURE) this.#standsDown = false;
  }

  /** What each load has to make good. */
  get #price(): number {
    const [lately, long] = [LATELY, LONG].map((most) => this.controls.recent(most).share);
    // The larger one: in doubt warming stands down.
    return Math.log(1 + (BETTER - 1) * Math.max(lately, long, LEAST_CHANCE));
  }
}
