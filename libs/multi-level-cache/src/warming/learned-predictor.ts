/** The default predictor: two logistic regressions that learn, while the application runs, how likely each key is to be asked for. */
import { Ftrl } from './ftrl.js';
import { Features, opinions } from './features.js';
import { KeyColumns } from './key-columns.js';
import { PendingExamples } from './pending-examples.js';
import type { Chances, Horizon, Moment, Pattern, Predictor } from '../core/predictor.js';

/** Examples taken each time, half of them candidates, half any key. */
const EXAMPLES = 128;
/** Numbers of key groups that are followed; more share them. */
const GROUPS = 4_096;

export interface LearnedOptions {
  /** `false` = stays as it begins: the mean of its four opinions. @defaultValue true */
  readonly learns?: boolean;
  /** Which examples are taken follows from it alone. @defaultValue 1 */
  readonly seed?: number;
}

/**
 * The default of the option `warming.predictor`.
 *
 * **What is asked.** At a tick, for a key with time to live T: will it be asked for before the next tick (`soon`), and before
 * a value loaded now has expired (`within`)? Both are answered by a logistic regression over the same features.
 *
 * **What is known.** Three counts that fade with half-lives T, 4T and 16T, and the count of all time; each gives a rate r, and
 * if accesses came by chance at that rate, the answer would be 1 − e^(−r·T). These four opinions, as logits, are features with a
 * weight of ¼ each: untrained, the model is the mean of four sound rules, and which of them is best differs from one workload
 * to the next. Beside them stand, each cut into buckets so that any shape can be learned: the rates, the time since the last
 * access, the same in mean gaps, the last two gaps, the count, how busy the key's group and the whole are, and two crosses.
 * They begin with weight 0.
 *
 * **How it learns.** What will be asked for does not depend on what is warmed, so no exploration is needed: at each tick some keys are
 * written down with their features, candidates for a half, and labelled when T has passed. Learning is FTRL-proximal, see there.
 *
 * Rates fade by clocks, not by counts, so a key nobody asks for any more is unlikely soon, without being touched.
 */
export class LearnedPredictor implements Predictor {
  readonly #keys = new KeyColumns();
  readonly #soon = new Ftrl({ features: Features.count, prior: opinions });
  readonly #within = new Ftrl({ features: Features.count, prior: opinions });
  readonly #features = new Features();
  readonly #pending = new PendingExamples();
  readonly #groups = new FadingCounts(GROUPS);
  readonly #all = new FadingCounts(2);
  readonly #learns: boolean;
  #random: number;
  #began: number | undefined;

  constructor({ learns = true, seed = 1 }: LearnedOptions = {}) {
    this.#learns = learns;
    this.#random = seed >>> 0;
  }

  begin(id: number, group: number, now: number): void {
    this.#began ??= now;
    this.#keys.begin(id, group % GROUPS);
  }

  observe(id: number, count: number, at: number, ttl: number): void {
    this.#keys.observe(id, count, at, ttl);
    const life = this.#keys.ttl[id];
    this.#groups.add(this.#keys.group[id], count, at, life);
    this.#all.add(0, count, at, life);
    this.#all.add(1, count, at, 16 * life);
  }

  forget(id: number): void {
    if (this.#learns) this.#pending.forget(id);
  }

  score(id: number, horizon: Horizon, into: Chances): void {
    const { at, soon, within } = this.#write(id, horizon);
    into.within = this.#within.predict({ at, values: within });
    into.soon = this.#soon.predict({ at, values: soon });
  }

  learn(moment: Moment): void {
    if (!this.#learns) return;
    const { candidates, now, soon } = moment;
    this.#pending.label(now, this.#keys.last, (head, example, label) =>
      (head === 'soon' ? this.#soon : this.#within).learn(example, label),
    );
    for (let taken = 0; taken < EXAMPLES; taken++) {
      const pick = this.#chance();
      const ofCandidates = taken < EXAMPLES / 2 && candidates.length > 0;
      const id = ofCandidates ? candidates[Math.floor(pick * candidates.length)] : moment.any(pick);
      if (id === undefined) continue;
      const ttl = moment.ttlOf(id);
      // What waits for its label for long is taken less often, so that as much waits.
      if (this.#chance() < this.#pending.share(ttl / soon))
        this.#pending.add(id, { now, soon, ttl }, this.#write(id, { now, soon, ttl }));
    }
  }

  patterns(id: number, now: number): readonly Pattern[] {
    const keys = this.#keys;
    const ttl = keys.ttl[id];
    const patterns: Pattern[] = [
      { kind: 'frequency', perMinute: perMinute(keys.rate(id, now), ttl) },
    ];
    const periodMs = keys.period(id);
    if (periodMs !== undefined) patterns.push({ kind: 'temporal', periodMs });
    const group = this.#groups.perLife(keys.group[id], now, ttl);
    if (group > 0) patterns.push({ kind: 'group', perMinute: perMinute(group, ttl) });
    return patterns;
  }

  snapshot(): unknown {
    return { version: 1, soon: this.#soon.snapshot(), within: this.#within.snapshot() };
  }

  restore(kept: unknown): void {
    const { version, soon, within } = (kept ?? {}) as Record<string, unknown>;
    // Both or neither: half a model would be wrong about the rest.
    if (version !== 1 || !this.#soon.accepts(soon) || !this.#within.accepts(within)) return;
    this.#soon.restore(soon);
    this.#within.restore(within);
  }

  #write(id: number, horizon: Horizon): Features {
    const { now, ttl } = horizon;
    const lately = this.#all.perLife(0, now, ttl);
    const before = this.#all.perLife(1, now, 16 * ttl) / 16;
    this.#features.write(this.#keys, id, horizon, {
      group: this.#groups.perLife(this.#keys.group[id], now, ttl),
      load: before > 0 ? lately / before : 0,
      told: now - (this.#began ?? now),
    });
    return this.#features;
  }

  /** A linear congruential generator (Numerical Recipes): the same seed, the same examples. */
  #chance(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32;
  }
}

function perMinute(perLife: number, ttl: number): number {
  return Math.round((perLife / ttl) * 60_000 * 100) / 100;
}

/** Counts that fade, by number. */
class FadingCounts {
  readonly #counts: Float64Array;
  readonly #at: Float64Array;

  constructor(length: number) {
    this.#counts = new Float64Array(length);
    this.#at = new Float64Array(length);
  }

  add(which: number, count: number, at: number, halfLife: number): void {
    this.#counts[which] = this.#faded(which, at, halfLife) + count;
    this.#at[which] = Math.max(at, this.#at[which]);
  }

  /** As a rate, in accesses per half-life. */
  perLife(which: number, now: number, halfLife: number): number {
    return this.#faded(which, now, halfLife) * Math.LN2;
  }

  #faded(which: number, now: number, halfLife: number): number {
    return this.#counts[which] * 2 ** (-Math.max(now - this.#at[which], 0) / halfLife);
  }
}
