/** The port of what decides in which tiers entries live, and which are asked. */

/** What is known of an entry that is to be stored or brought up. */
export interface PlacedEntry {
  /** Name of its cache. */
  readonly cache: string;
  /** Rough bytes on the heap. */
  readonly bytes: number;
  /** How long it is fresh from now on, ms. */
  readonly ttl: number;
  /** How long its loader took, ms. */
  readonly loadMs: number;
  /** How often this process has found it in L3 lately, this time included; 0 where it was loaded. */
  readonly uses: number;
}

/** Why something is not done. */
export interface Skip {
  /** A short text out of few, for `explain` and counters. */
  readonly reason: string;
  /** Share of cases in which it is done all the same, to notice when it pays again. @defaultValue 0 */
  readonly explore?: number;
}

/**
 * Decides in which tiers entries live and whether L3 is asked before a loader. `undefined` from a method = as usual. Called on
 * the way of a miss: synchronous, quick, and without consequences but for `looked` and `loaded`. One that throws is passed over.
 *
 * Replace the default through the option `placement`, or override `CACHE_PLACEMENT` in a test.
 *
 * @example
 * class SmallInRedis implements Placement {
 *   skipsRead() {
 *     return undefined;
 *   }
 *   skipsFill(tier: 'l2' | 'l3', { bytes }: PlacedEntry) {
 *     return tier === 'l2' && bytes > 10_000 ? { reason: 'large' } : undefined;
 *   }
 *   skipsPromotion(entry: PlacedEntry) {
 *     return this.skipsFill('l2', entry);
 *   }
 * }
 */
export interface Placement {
  /** Why `getOrSet` runs a loader of this cache without asking L3; `get` asks in any case. */
  skipsRead(cache: string): Skip | undefined;
  /** Why a loaded entry is not stored in this tier. */
  skipsFill(tier: 'l2' | 'l3', entry: PlacedEntry): Skip | undefined;
  /** Why an entry that was found in L3 is not brought into L2. */
  skipsPromotion(entry: PlacedEntry): Skip | undefined;
  /** L3 was asked before a loader of this cache. */
  looked?(cache: string, hit: boolean, ms: number): void;
  /** A loader of this cache has run. */
  loaded?(cache: string, ms: number): void;
}
