/** One cached value with its times, as it travels between tiers within a process. */
import { CacheError } from './errors.js';
import { deepCopy, deepFreeze, inspect, type ClassMap, type Shape } from './value.js';

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
  /** Shorter times to be fresh in upper tiers, in ms from when they store it. */
  readonly caps?: TierCaps | undefined;
  /** What the loader may compare at its source to answer "not modified". */
  readonly etag?: string | undefined;
  /** From when on a hit reloads it in the background. Not stored: it is the reader's wish. */
  readonly refreshAt?: number | undefined;
}

/** Times to be fresh tier by tier, where they differ. */
export interface TierCaps {
  readonly l1?: number | undefined;
  readonly l2?: number | undefined;
  /** Where L3 is to let go before the others; kept by L3 itself, not in the envelope. */
  readonly l3?: number | undefined;
}

/** How long a value lives and what invalidates it. */
export interface Life {
  readonly ttl: number;
  readonly grace: number;
  readonly tags: readonly string[];
  readonly caps?: TierCaps | undefined;
  readonly etag?: string | undefined;
  /** Classes whose instances the value may hold. */
  readonly types?: ClassMap | undefined;
}

/**
 * How callers are kept from changing what others get. `freeze`: plain data is frozen and shared. `clone`: everybody gets a
 * copy. `share`: everybody gets the same object, and nobody is stopped.
 */
export type Isolation = 'freeze' | 'clone' | 'share';

/**
 * Makes an entry of a loaded or given value.
 *
 * @param own - the caller keeps its reference and may change it (`set`): it is a copy, to be adopted by what hands it out. A loader's
 * result is frozen in place.
 * @throws CacheError `CACHE_VALUE_UNCACHEABLE`
 */
export function createEntry(
  value: unknown,
  life: Life,
  now: number,
  loadMs: number,
  own: boolean,
  isolation: Isolation = 'freeze',
): Entry {
  if (value === undefined)
    throw new CacheError('CACHE_VALUE_UNCACHEABLE', 'undefined means "absent"; store null instead');
  const shape = shapeFor(inspect(value, life.types), value, isolation);
  const copy = isolation !== 'share' && (own || shape.copied);
  const entry: Entry = {
    value: copy ? deepCopy(value) : value,
    shape,
    tags: life.tags,
    createdAt: now,
    freshUntil: now + life.ttl,
    staleUntil: now + life.ttl + life.grace,
    loadMs,
    caps: life.caps,
    etag: life.etag,
  };
  if (isolation === 'freeze' && !own && !shape.copied) deepFreeze(entry.value);
  return entry;
}

/** An entry of a copy or of bytes that nobody else has, protected as one that was loaded. */
export function adopt(entry: Entry, isolation: Isolation): Entry {
  if (isolation !== 'freeze')
    return { ...entry, shape: shapeFor(entry.shape, entry.value, isolation) };
  // What bytes became is frozen here alone, and its top last: a frozen top has been here before.
  if (!entry.shape.copied && !Object.isFrozen(entry.value)) deepFreeze(entry.value);
  return entry;
}

function shapeFor(shape: Shape, value: unknown, isolation: Isolation): Shape {
  if (isolation === 'freeze') return shape;
  const copied = isolation === 'clone' && typeof value === 'object' && value !== null;
  return { ...shape, copied };
}

/** The value as a caller may have it: shared if frozen, else a copy of its own. */
export function handOut(entry: Entry): unknown {
  return entry.shape.copied ? deepCopy(entry.value) : entry.value;
}

/** The same entry with less time to be fresh, counted from `now`, where one of two caps asks for it. */
export function capped(entry: Entry, now: number, cap = Infinity, other = Infinity): Entry {
  const freshUntil = Math.min(entry.freshUntil, now + Math.min(cap, other));
  return freshUntil === entry.freshUntil
    ? entry
    : { ...entry, freshUntil, staleUntil: freshUntil + (entry.staleUntil - entry.freshUntil) };
}

/** The same entry, stale from `now` on; its grace begins now. */
export function expired(entry: Entry, now: number): Entry {
  return capped(entry, now, 0);
}

/** The same entry, fresh for `ms` from `now` on. */
export function touched(entry: Entry, now: number, ms: number): Entry {
  const freshUntil = now + ms;
  return { ...entry, freshUntil, staleUntil: freshUntil + (entry.staleUntil - entry.freshUntil) };
}
