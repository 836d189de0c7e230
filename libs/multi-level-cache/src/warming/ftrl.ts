/** A logistic regression that learns from one example at a time: FTRL-proximal. Pure. */

/** Numbers of the features of one example, and their values. */
export interface Example {
  readonly at: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

export interface FtrlOptions {
  readonly features: number;
  /** The weight each feature begins with, and is drawn back to. @defaultValue 0 */
  readonly prior?: (feature: number) => number;
  /** Pace of learning. */
  readonly alpha?: number;
  /** Damps the pace of the first examples. */
  readonly beta?: number;
  /** Draws weights back to the prior. */
  readonly l2?: number;
}

/**
 * For an example x with label y ∈ {0, 1} it predicts p = 1 / (1 + e^(−w·x)) and lowers the loss −ln p(y), whose gradient is
 * (p − y)·x. "Follow the regularised leader" keeps for each weight i the sum z_i of gradients less what they have already
 * moved, and the sum n_i of their squares, and takes as weight the minimum of all past losses, made linear, plus λ2·w²/2:
 *
 *     w_i = prior_i − z_i / ((β + √n_i) / α + λ2)
 *
 * So each weight has a pace of its own, which falls with how often its feature was seen: a feature seen for the first time
 * moves at once, one seen a thousand times hardly. H. B. McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD
 * 2013, algorithm 1, with λ1 = 0 and weights counted from a prior.
 */
export class Ftrl {
  readonly #z: Float64Array;
  readonly #n: Float64Array;
  readonly #prior: Float64Array;
  readonly #alpha: number;
  readonly #beta: number;
  readonly #l2: number;

  constructor({ features, prior = () => 0, alpha = 0.1, beta = 1, l2 = 2 }: FtrlOptions) {
    this.#z = new Float64Array(features);
    this.#n = new Float64Array(features);
    this.#prior = Float64Array.from({ length: features }, (_zero, at) => prior(at));
    this.#alpha = alpha;
    this.#beta = beta;
    this.#l2 = l2;
  }

  weight(feature: number): number {
    const z = this.#z[feature];
    if (z === 0) return this.#prior[feature];
    const pace = (this.#beta + Math.sqrt(this.#n[feature])) / this.#alpha + this.#l2;
    return this.#prior[feature] - z / pace;
  }

  /** 0 … 1. */
  predict({ at, values }: Example): number {
    let sum = 0;
    for (let index = 0; index < at.length; index++) sum += this.weight(at[index]) * values[index];
    return 1 / (1 + Math.exp(-sum));
  }

  /** The derivative of the loss by the weight of each feature of the example, in their order. */
  gradient(example: Example, label: 0 | 1): number[] {
    const miss = this.predict(example) - label;
    return Array.from(example.at, (_feature, index) => miss * example.values[index]);
  }

  learn(example: Example, label: 0 | 1): void {
    this.gradient(example, label).forEach((gradient, index) => {
      const feature = example.at[index];
      const n = this.#n[feature];
      const square = n + gradient * gradient;
      const moved = (Math.sqrt(square) - Math.sqrt(n)) / this.#alpha;
      this.#z[feature] += gradient - moved * (this.weight(feature) - this.#prior[feature]);
      this.#n[feature] = square;
    });
  }

  /** `[feature, z, n]` of each feature that was seen. */
  snapshot(): number[][] {
    const seen: number[][] = [];
    this.#n.forEach((n, feature) => {
      if (n > 0) seen.push([feature, round(this.#z[feature]), round(n)]);
    });
    return seen;
  }

  /** Whether it is a snapshot of a model like this one. */
  accepts(kept: unknown): kept is number[][] {
    return Array.isArray(kept) && kept.every((row) => this.#isRow(row));
  }

  /** `false` = that was no snapshot; nothing has changed. */
  restore(kept: unknown): boolean {
    if (!this.accepts(kept)) return false;
    for (const [feature, z, n] of kept) {
      this.#z[feature] = z;
      this.#n[feature] = n;
    }
    return true;
  }

  #isRow(row: unknown): boolean {
    if (!Array.isArray(row) || row.length !== 3 || !row.every(Number.isFinite)) return false;
    const [feature, , n] = row as number[];
    return Number.isInteger(feature) && feature >= 0 && feature < this.#n.length && n >= 0;
  }
}

function round(number: number): number {
  return Number(number.toPrecision(6));
}
