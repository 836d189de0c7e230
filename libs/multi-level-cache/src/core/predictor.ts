/** The port of what says how likely a key is to be asked for. Keys come as small numbers: there are many, and strings are dear. */

/** A question about one key at one moment; times in ms. */
export interface Horizon {
  readonly now: number;
  /** Until the next plan is made. */
  readonly soon: number;
  /** How long a value of the key is fresh. */
  readonly ttl: number;
}

/** How likely the key is to be asked for, 0 … 1. */
export interface Chances {
  /** Before the next plan is made. */
  soon: number;
  /** Before a value that is loaded now has expired. */
  within: number;
}

/**
 * Learns from accesses, and says how likely each key is to be asked for. All of it is synchronous and quick: `observe` is called
 * for each key that was asked for since the last plan, `score` for each candidate of one. Replace the default through the
 * option `warming.predictor`.
 *
 * @example
 * class AskedTwice implements Predictor {
 *   readonly #asked = new Map<number, number>();
 *
 *   begin(id: number) {
 *     this.#asked.set(id, 0);
 *   }
 *   observe(id: number, count: number) {
 *     this.#asked.set(id, (this.#asked.get(id) ?? 0) + count);
 *   }
 *   forget(id: number) {
 *     this.#asked.delete(id);
 *   }
 *   score(id: number, _horizon: Horizon, into: Chances) {
 *     into.soon = into.within = (this.#asked.get(id) ?? 0) > 1 ? 0.9 : 0.1;
 *   }
 * }
 */
export interface Predictor {
  /** From now on `id` is a key nothing is known of yet; `group` numbers the tenant and key pattern it belongs to. */
  begin(id: number, group: number, now: number): void;
  /** It was asked for `count` times since this was last told, the last time at `at`. */
  observe(id: number, count: number, at: number, ttl: number): void;
  /** It is not followed any more; the number may stand for another key later. */
  forget(id: number): void;
  score(id: number, horizon: Horizon, into: Chances): void;
  /** A plan has been made: what may be learned from the candidates it had, and from others. */
  learn?(moment: Moment): void;
  /** What it sees in a key, for `explain`. */
  patterns?(id: number, now: number): readonly Pattern[];
  /** What it has learned, as JSON; nothing of single keys. */
  snapshot?(): unknown;
  /** Goes on from a snapshot; anything else is passed over. */
  restore?(kept: unknown): void;
}

/** What is seen in the accesses of a key: how often it is asked for, that it is at even intervals, or with others of its group. */
export type Pattern =
  | { readonly kind: 'frequency'; readonly perMinute: number }
  | { readonly kind: 'temporal'; readonly periodMs: number }
  | { readonly kind: 'group'; readonly perMinute: number };

/** What a predictor may learn from. */
export interface Moment {
  readonly now: number;
  readonly soon: number;
  /** Keys whose value was absent, or ends before the next plan. */
  readonly candidates: readonly number[];
  /** A key that is followed, by 0 ≤ `random` < 1; `undefined` = there is none in that place. */
  any(random: number): number | undefined;
  ttlOf(id: number): number;
}
