/** The columns of L1's table: one array per property of an entry, all of one length. What the cells mean is the table's. */
import type { Label } from './partitions.js';

/** Small, for most caches are; a power of 2. */
const FIRST_CAPACITY = 64;

export class Columns {
  capacity = FIRST_CAPACITY;

  labels = pointers<Label>(FIRST_CAPACITY);
  keys = pointers<string>(FIRST_CAPACITY);
  values = pointers<unknown>(FIRST_CAPACITY);
  promises = pointers<Promise<unknown>>(FIRST_CAPACITY);

  createdAt = new Float64Array(FIRST_CAPACITY);
  freshUntil = new Float64Array(FIRST_CAPACITY);
  /** Whole ms from `freshUntil` on. */
  grace = new Uint32Array(FIRST_CAPACITY);
  /** Whole ms from `createdAt` on, as `usedAfter`. */
  refreshAfter = new Uint32Array(FIRST_CAPACITY);
  usedAfter = new Uint32Array(FIRST_CAPACITY);
  loadMs = new Float32Array(FIRST_CAPACITY);
  bytes = new Uint32Array(FIRST_CAPACITY);
  flags = new Uint8Array(FIRST_CAPACITY);

  hits = new Uint32Array(FIRST_CAPACITY);
  /** Of the hits, told to whoever counts what is hot. */
  counted = new Uint32Array(FIRST_CAPACITY);
  /** Number of the tag clock up to which the entry is known to be valid; a double, for it must not wrap. */
  validated = new Float64Array(FIRST_CAPACITY);

  /** Makes every column longer. */
  grow(capacity: number): void {
    this.labels = longer(this.labels, capacity);
    this.keys = longer(this.keys, capacity);
    this.values = longer(this.values, capacity);
    this.promises = longer(this.promises, capacity);
    this.createdAt = copied(this.createdAt, new Float64Array(capacity));
    this.freshUntil = copied(this.freshUntil, new Float64Array(capacity));
    this.grace = copied(this.grace, new Uint32Array(capacity));
    this.refreshAfter = copied(this.refreshAfter, new Uint32Array(capacity));
    this.usedAfter = copied(this.usedAfter, new Uint32Array(capacity));
    this.loadMs = copied(this.loadMs, new Float32Array(capacity));
    this.bytes = copied(this.bytes, new Uint32Array(capacity));
    this.flags = copied(this.flags, new Uint8Array(capacity));
    this.hits = copied(this.hits, new Uint32Array(capacity));
    this.counted = copied(this.counted, new Uint32Array(capacity));
    this.validated = copied(this.validated, new Float64Array(capacity));
    this.capacity = capacity;
  }
}

/** Made at its full length: an array that grows by itself takes half as much again. */
function pointers<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}

function longer<T>(from: readonly (T | undefined)[], length: number): (T | undefined)[] {
  const to = pointers<T>(length);
  for (let at = 0; at < from.length; at++) to[at] = from[at];
  return to;
}

function copied<A extends Float64Array | Float32Array | Uint32Array | Uint8Array>(
  from: A,
  to: A,
): A {
  to.set(from);
  return to;
}
