/** How many bytes L1 may hold: fewer while the heap of this process is nearly full. When it looks is the watch's part. */
import { getHeapStatistics } from 'node:v8';

/** V8 begins to collect halfway between what was alive and the limit: a heap this full was 70 % alive the last time. */
const HIGH = 0.85;
/** Below this there is room again. */
const LOW = 0.7;
/** This share of the heap is noticed, and given back at a time. */
const STEP = 1 / 32;
/** Between two looks, where little comes in. */
export const LOOK_MS = 1_000;

/** What V8 keeps of its limit for the young generation, unless flags say otherwise. */
const YOUNG_BYTES = 48 * 1024 ** 2;

/** What ends a process when it is full. */
export interface Heap {
  /** Bytes, with what is dead and not collected yet. */
  readonly used: number;
  /** Of the old generation, for all that lives long ends there. */
  readonly limit: number;
}

/** Costs about a microsecond. */
export function readHeap(): Heap {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
  return { used, limit: Math.max(limit - YOUNG_BYTES, limit / 2) };
}

/**
 * Halved at once, and after that only where a collection has not helped or the heap goes on growing: what was let go stays in
 * the count until it is collected. Raised slowly, so that it settles where the heap can bear it.
 */
export class Pressure {
  bound: number;
  readonly #lookEvery: number;
  #stored = 0;
  #used = 0;
  #loweredAt = -Infinity;
  #raisedAt = -Infinity;

  constructor(
    readonly most: number,
    readonly read: () => Heap = readHeap,
  ) {
    this.bound = most;
    this.#lookEvery = read().limit * STEP;
  }

  /** Whether L1 holds less than it was given. */
  get on(): boolean {
    return this.bound < this.most;
  }

  /** An entry came in; says whether so many have that it is time to look, before any timer runs. */
  stored(bytes: number): boolean {
    this.#stored += bytes;
    return this.#stored > this.#lookEvery;
  }

  /** @param held - bytes in L1 */
  look(held: number, now: number): void {
    this.#stored = 0;
    const { used, limit } = this.read();
    const step = limit * STEP;
    const collected = used < this.#used - step;
    if (collected) this.#loweredAt = -Infinity;
    this.#used = used;
    if (used > limit * HIGH) {
      if (used < this.#loweredAt + step) return;
      this.#loweredAt = used;
      this.#raisedAt = now;
      this.bound = Math.min(this.bound, held) / 2;
    } else if (this.on && used < limit * LOW && now - this.#raisedAt >= LOOK_MS) {
      this.#raisedAt = now;
      this.bound = Math.min(this.bound + step, this.most);
    }
  }
}
