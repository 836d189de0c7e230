/** The entries of L1 as rows of one table, found by partition and key. It knows no bound, no tag and no fence. */
import type { Entry } from '../../core/entry.js';
import type { L1Options } from '../../core/options.js';
import { deepCopy } from '../../core/value.js';
import { Columns } from './columns.js';
import type { Eviction } from './eviction.js';
import { Lru } from './lru.js';
import type { Partition } from './partitions.js';
import { Rows } from './rows.js';
import { S3Fifo } from './s3-fifo.js';

/** Rough heap bytes of an entry beside key and value: its cells, its record in the map, its promise. */
const OVERHEAD_BYTES = 200;
/** The longest span a cell holds, in ms: 49 days. A longer one is cut, so that it does not wrap round. */
const LONGEST = 0xffff_fffe;
const NEVER = 0xffff_ffff;
/** In the flags of a row; the upper four bits are the policy's of eviction. */
const RICH = 1;
const COPIED = 2;

/** The largest size a cell holds. */
export const LARGEST_BYTES = 0xffff_ffff;

/** Rough heap bytes of an entry under its key. */
export function bytesOf(key: string, { shape }: Entry): number {
  return overheadOf(key) + shape.bytes;
}

/** A row number is good until the table is next changed: then it may be another entry's. */
export class Table extends Columns {
  readonly rows = new Rows(this.capacity);
  /** Told of every entry that comes or goes; of hits by the tier. */
  readonly eviction: Eviction;
  #bytes = 0;

  /** @param most - entries it is to have room for */
  constructor(
    readonly most: number,
    eviction: L1Options['eviction'] = 's3-fifo',
  ) {
    super();
    this.eviction = eviction === 'lru' ? new Lru(this.rows) : new S3Fifo(this.rows, this);
  }

  get size(): number {
    return this.rows.taken;
  }

  /** Of all entries. */
  get totalBytes(): number {
    return this.#bytes;
  }

  /** Puts an entry into a row of its own; its key must have none yet. */
  add(partition: Partition, key: string, entry: Entry): number {
    const row = this.rows.free;
    if (row === this.capacity) this.#enlarge();
    // First, for a map that is full throws: then nothing has happened.
    partition.rows.set(key, row);
    this.rows.take();
    this.labels[row] = partition.labelOf(entry);
    this.keys[row] = key;
    this.#write(row, key, entry);
    this.eviction.enter(row);
    return row;
  }

  #write(row: number, key: string, entry: Entry): void {
    const { createdAt, freshUntil, refreshAt, shape } = entry;
    this.values[row] = entry.value;
    this.createdAt[row] = createdAt;
    this.freshUntil[row] = freshUntil;
    this.grace[row] = spanOf(entry.staleUntil - freshUntil);
    this.refreshAfter[row] = refreshAt === undefined ? NEVER : spanOf(refreshAt - createdAt);
    this.loadMs[row] = entry.loadMs;
    this.bytes[row] = bytesOf(key, entry);
    this.#bytes += this.bytes[row];
    const { usage } = this.labels[row]!.partition;
    usage.entries++;
    usage.bytes += this.bytes[row];
    this.flags[row] = (shape.rich ? RICH : 0) | (shape.copied ? COPIED : 0);
    this.hits[row] = 0;
    this.counted[row] = 0;
  }

  /** Frees a row: nothing finds it, and it holds nothing. */
  remove(row: number): void {
    this.eviction.leave(row);
    const { rows, usage } = this.labels[row]!.partition;
    rows.delete(this.keys[row]!);
    this.#bytes -= this.bytes[row];
    usage.entries--;
    usage.bytes -= this.bytes[row];
    this.labels[row] = undefined;
    this.keys[row] = undefined;
    this.values[row] = undefined;
    this.promises[row] = undefined;
    this.rows.release(row);
  }

  /** The value as the caller may have it: shared if frozen, else a copy of its own. */
  value(row: number): unknown {
    const value = this.values[row];
    return this.flags[row] & COPIED ? deepCopy(value) : value;
  }

  /** The same as a promise; one that may be shared is made once, so that later hits allocate nothing. */
  promise(row: number): Promise<unknown> {
    return this.promises[row] ?? this.#makePromise(row);
  }

  #makePromise(row: number): Promise<unknown> {
    const promise = Promise.resolve(this.value(row));
    if (!(this.flags[row] & COPIED)) this.promises[row] = promise;
    return promise;
  }

  /** The entry as the other tiers know it, made anew; no time of it is later than it came. */
  entry(row: number): Entry {
    const { tags, caps, etag } = this.labels[row]!;
    const flags = this.flags[row];
    const createdAt = this.createdAt[row];
    const freshUntil = this.freshUntil[row];
    const refreshAfter = this.refreshAfter[row];
    const bytes = this.bytes[row] - overheadOf(this.keys[row]!);
    return {
      value: this.values[row],
      shape: { rich: (flags & RICH) !== 0, copied: (flags & COPIED) !== 0, bytes },
      tags,
      caps,
      etag,
      createdAt,
      freshUntil,
      staleUntil: this.staleUntil(row),
      loadMs: this.loadMs[row],
      refreshAt: refreshAfter === NEVER ? undefined : createdAt + refreshAfter,
    };
  }

  staleUntil(row: number): number {
    return this.freshUntil[row] + this.grace[row];
  }

  /** Stale from `now` on; its grace begins then. */
  expire(row: number, now: number): void {
    this.freshUntil[row] = Math.min(this.freshUntil[row], now);
  }

  used(row: number, now: number): void {
    this.usedAfter[row] = spanOf(now - this.createdAt[row]);
  }

  /** How often the row has answered since this was last asked. */
  takeHits(row: number): number {
    // Both count modulo 2^32, and so does their difference.
    const hits = (this.hits[row] - this.counted[row]) >>> 0;
    this.counted[row] = this.hits[row];
    return hits;
  }

  lastAccess(row: number): number {
    return this.createdAt[row] + this.usedAfter[row];
  }

  /** Whether it was last used when its reload was due; the next one is due `again` ms after that use. */
  refreshDue(row: number, again: number): boolean {
    const used = this.usedAfter[row];
    if (used < this.refreshAfter[row]) return false;
    this.refreshAfter[row] = used + again > LONGEST ? NEVER : used + again;
    return true;
  }

  #enlarge(): void {
    // One row is no entry's, and one is spare: an entry comes in before another goes.
    const enough = this.most + 2;
    const twice = 2 * this.capacity;
    const capacity = this.capacity < enough ? Math.min(twice, enough) : twice;
    this.rows.grow(capacity);
    this.grow(capacity);
  }
}

function overheadOf(key: string): number {
  return OVERHEAD_BYTES + 2 * key.length;
}

/** Whole ms, never more than given. */
function spanOf(ms: number): number {
  return Math.min(Math.max(Math.floor(ms), 0), LONGEST);
}
