/** One cached value with its times, as it travels between tiers within a process. */
import { CacheError } from './errors.js';
import { deepCopy, deepFreeze, inspect, type Shape } from './value.js';

/**
 * A value, frozen or private, and its life. Times are this process's monotonic milliseconds; each tier turns them into
 * what its store needs and back, so that a promotion can only shorten a life.
 */
export interface Entry {
  readonly value: unknown;
  readonly shape: Shape;
  /** The user's tags; the implicit tag of `clear()` is not among them. */
  readonly tags: readonly string[];
  readonly createdAt: number;
  readonly freshUntil: number;
  /** End of grace: until then a stale entry may stand in. */
  readonly staleUntil: number;
  /** How long the loader took, in ms. */
  readonly loadMs: number;
}

/** How long a value lives and what invalidates it. */
export interface Life {
  readonly ttl: number;
  readonly grace: number;
  readonly tags: readonly string[];
}

/**
 * Makes an entry of a loaded or given value.
 *
 * @param own - the caller keeps its reference and may change it (`set`): store a copy. A loader's result is frozen in place.
 * @throws CacheError `CACHE_VALUE_UNCACHEABLE`
 */
export function createEntry(
  value: unknown,
  life: Life,
  now: number,
  loadMs: number,
  own: boolean,
): Entry {
  if (value === undefined)
    throw new CacheError('CACHE_VALUE_UNCACHEABLE', 'undefined means "absent"; store null instead');
  const shape = inspect(value);
  const kept = own || shape.copied ? deepCopy(value) : value;
  return {
    value: shape.copied ? kept : deepFreeze(kept),
    shape,
    tags: life.tags,
    createdAt: now,
    freshUntil: now + life.ttl,
    staleUntil: now + life.ttl + life.grace,
    loadMs,
  };
}

/** The value as a caller may have it: shared if frozen, else a copy of its own. */
export function handOut(entry: Entry): unknown {
  return entry.shape.copied ? deepCopy(entry.value) : entry.value;
}

/** The same entry with less time to be fresh, counted from `now`. */
export function capped(entry: Entry, now: number, cap: number): Entry {
  const freshUntil = Math.min(entry.freshUntil, now + cap);
  return freshUntil === entry.freshUntil
    ? entry
    : { ...entry, freshUntil, staleUntil: freshUntil + (entry.staleUntil - entry.freshUntil) };
}
