/** What the paths ask a placement: its word on one entry or cache, counted, and never an error of its own. */
import type { Clock } from '../core/clock.js';
import type { Entry } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { PlacedEntry, Placement, Skip } from '../core/placement.js';

/** Keys whose uses are remembered; then counting begins anew. */
const MOST_KEYS = 4_096;
/** Reasons that are counted by name: one's own placement may make them of data. */
const MOST_REASONS = 32;
const OTHERS = '_other';

/** How often something was not done, by reason. */
export type SkipCounts = Readonly<Record<string, number>>;

/** What was decided otherwise than usual. */
export interface PlacementStats {
  /** L3 was not asked before a loader. */
  readonly reads: SkipCounts;
  /** A loaded entry was not stored in L2 or L3. */
  readonly fills: SkipCounts;
  /** An entry of L3 was not brought into L2. */
  readonly promotions: SkipCounts;
}

class Counts {
  readonly byReason: Record<string, number> = {};

  add(reason: string): void {
    const known = reason in this.byReason || Object.keys(this.byReason).length < MOST_REASONS;
    const name = known ? reason : OTHERS;
    this.byReason[name] = (this.byReason[name] ?? 0) + 1;
  }
}

export class Placing {
  readonly #reads = new Counts();
  readonly #fills = new Counts();
  readonly #promotions = new Counts();
  readonly #uses = new Map<string, number>();
  #warned = false;

  constructor(
    /** `undefined` = everything goes everywhere. */
    readonly placement: Placement | undefined,
    readonly clock: Clock,
    readonly random: () => number,
  ) {}

  get stats(): PlacementStats {
    const copy = ({ byReason }: Counts): SkipCounts => ({ ...byReason });
    const [reads, fills, promotions] = [this.#reads, this.#fills, this.#promotions].map(copy);
    return { reads, fills, promotions };
  }

  /** Whether L3 is asked before a loader of this cache. */
  reads(cache: string): boolean {
    return this.#goes(this.#reads, this.whyNotRead(cache));
  }

  /** Whether a loaded entry is stored in this tier. */
  fills(tier: 'l2' | 'l3', address: Address, entry: Entry): boolean {
    return this.#goes(this.#fills, this.whyNotFilled(tier, address, entry));
  }

  /** Whether what was found in L3 is brought into L2. */
  promotes({ name, scope }: Address, entry: Entry): boolean {
    if (!this.placement) return true;
    const uses = (this.#uses.get(name) ?? 0) + 1;
    if (this.#uses.size >= MOST_KEYS) this.#uses.clear();
    this.#uses.set(name, uses);
    const placed = placedOf(scope.cache, entry, entry.freshUntil - this.clock.now(), uses);
    return this.#goes(
      this.#promotions,
      this.#ask((placement) => placement.skipsPromotion(placed)),
    );
  }

  /** A tier found the bytes to be too many. */
  tooLarge(): void {
    this.#fills.add('too-large');
  }

  looked(cache: string, hit: boolean, ms: number): void {
    this.#ask((placement) => placement.looked?.(cache, hit, ms));
  }

  loaded(cache: string, ms: number): void {
    this.#ask((placement) => placement.loaded?.(cache, ms));
  }

  whyNotRead(cache: string): Skip | undefined {
    return this.#ask((placement) => placement.skipsRead(cache));
  }

  /** As of when it was loaded, however old it has become. */
  whyNotFilled(tier: 'l2' | 'l3', { scope }: Address, entry: Entry): Skip | undefined {
    const placed = placedOf(scope.cache, entry, entry.freshUntil - entry.createdAt, 0);
    return this.#ask((placement) => placement.skipsFill(tier, placed));
  }

  #goes(counts: Counts, skip: Skip | undefined): boolean {
    if (!skip || this.random() < (skip.explore ?? 0)) return true;
    counts.add(skip.reason);
    return false;
  }

  /** A placement of the application's that throws is its bug; it must not fail the read that asked. */
  #ask<T>(question: (placement: Placement) => T): T | undefined {
    if (!this.placement) return undefined;
    try {
      return question(this.placement);
    } catch (error) {
      if (!this.#warned)
        process.emitWarning(
          `the placement of the cache threw: ${error instanceof Error ? error.name : typeof error}`,
        );
      this.#warned = true;
      return undefined;
    }
  }
}

function placedOf(
  cache: string,
  { loadMs, shape: { bytes } }: Entry,
  ttl: number,
  uses: number,
): PlacedEntry {
  return { cache, bytes, ttl, loadMs, uses };
}
