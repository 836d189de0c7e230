/** Which keys are asked for, how often and when, and what a load of each costs: bounded, and cheap to tell. Pure. */
import { firstSegment } from '../core/key.js';
import { nameOf, placeOf, type HotKey, type KeyRef } from './key-ref.js';
import { atRank, highest } from './select.js';
import { Sketch } from './sketch.js';

/** Keys followed. */
const MAX_TRACKED = 20_000;
const HALF_LIFE_MS = 3_600_000;
/** Not asked for in so many lives of its value, and for so many half-lives of its count, a key has been forgotten by its users. */
const FORGOTTEN_LIVES = 64;
const FORGOTTEN_HALF_LIVES = 5;
/** Seen so often while all places are taken, a key is worth one. */
const WORTH_A_PLACE = 2;
/** What makes room: so many places are kept free. */
const ROOM = 1 / 20;
/** Half-life of the count by which candidates are chosen, in lives of the key. */
const RECENT_LIVES = 4;
const FIRST_LENGTH = 64;
/** Of a key whose value was never seen here, ms. */
const SOME_TTL = 60_000;
/** Keys between two steps. */
const AT_A_TIME = 4_096;

/** Told which numbers stand for keys. */
export interface Followers {
  begin(id: number, group: number, now: number): void;
  forget(id: number): void;
}

/** A load of the key, or what a tier had of it. */
export interface Stored {
  /** Until when the shared copy is fresh. */
  readonly freshUntil: number;
  readonly ttl: number;
  readonly loadMs: number;
  readonly bytes: number;
}

export class AccessRecord {
  /** By tenant and cache, so that a key's name is held once. */
  readonly #ids = new Map<string, Map<string, number>>();
  /** The place that was asked for last, for the next key mostly is there too: its name is not spelled again. */
  #tenant: string | undefined;
  #cache: string | undefined;
  #here: Map<string, number> | undefined;
  #size = 0;
  readonly #refs: (KeyRef | undefined)[] = [];
  readonly #groups = new Map<string, number>();
  /** Of names there is no place for; made when the first one comes. */
  #sketch: Sketch | undefined;
  #free: number[] = [];
  #touched: number[] = [];
  /** Room was made since the last plan. */
  #tidied = false;
  /** Asked for since the last plan. */
  #fresh = new Uint32Array(FIRST_LENGTH);
  #last = new Float64Array(FIRST_LENGTH);
  /** Count that fades, as of `#countedAt`. */
  #count = new Float32Array(FIRST_LENGTH);
  #countedAt = new Float64Array(FIRST_LENGTH);
  /** The same, fading with four lives of the key. */
  #recent = new Float32Array(FIRST_LENGTH);
  #freshUntil = new Float64Array(FIRST_LENGTH);
  #ttl = new Float32Array(FIRST_LENGTH);
  #loadMs = new Float32Array(FIRST_LENGTH);
  #bytes = new Uint32Array(FIRST_LENGTH);

  constructor(
    readonly followers: Followers = { begin: () => undefined, forget: () => undefined },
    readonly limit = MAX_TRACKED,
    readonly halfLifeMs = HALF_LIFE_MS,
  ) {}

  get size(): number {
    return this.#size;
  }

  /** Numbers in use are below this one. */
  get end(): number {
    return this.#refs.length;
  }

  idOf(ref: KeyRef): number | undefined {
    return this.#idsAt(ref)?.get(ref.key);
  }

  refOf(id: number): KeyRef | undefined {
    return this.#refs[id];
  }

  /** The key was asked for `count` times, the last time at `at`; its number, unless there is no place for it. */
  asked(ref: KeyRef, count: number, at: number): number | undefined {
    const id = this.#place(ref, at);
    if (id === undefined) return undefined;
    if (this.#fresh[id] === 0) this.#touched.push(id);
    this.#fresh[id] += count;
    this.#last[id] = Math.max(this.#last[id], at);
    this.#raise(id, count, at);
    return id;
  }

  /** What is known of its value. */
  stored(id: number, { bytes, freshUntil, loadMs, ttl }: Stored): void {
    this.#freshUntil[id] = freshUntil;
    if (ttl > 0) this.#ttl[id] = ttl;
    if (loadMs > 0) this.#loadMs[id] = loadMs;
    this.#bytes[id] = bytes;
  }

  /** No tier has a value of it. */
  gone(id: number): void {
    this.#freshUntil[id] = 0;
  }

  /** Tells what was asked for since it was last told, of at most so many keys; whether there are more. */
  take(tell: (id: number, count: number, at: number) => void, most = Infinity): boolean {
    this.#tidied = false;
    for (const id of this.#touched.splice(0, most)) {
      const count = this.#fresh[id];
      this.#fresh[id] = 0;
      if (count > 0 && this.#refs[id]) tell(id, count, this.#last[id]);
    }
    return this.#touched.length > 0;
  }

  freshUntil(id: number): number {
    return this.#freshUntil[id];
  }

  /** How long a value of the key is fresh; a minute where none is known. */
  ttl(id: number): number {
    return this.#ttl[id] || SOME_TTL;
  }

  /** How long its loader took; 0 = not known. */
  loadMs(id: number): number {
    return this.#loadMs[id];
  }

  bytes(id: number): number {
    return this.#bytes[id];
  }

  lastAsked(id: number): number {
    return this.#last[id];
  }

  /** Its count, faded until now. */
  countOf(id: number, now: number): number {
    return this.#count[id] * 0.5 ** (Math.max(now - this.#countedAt[id], 0) / this.halfLifeMs);
  }

  /** The same over the last few lives of its value. */
  recentOf(id: number, now: number): number {
    const halfLife = RECENT_LIVES * this.ttl(id);
    return this.#recent[id] * 0.5 ** (Math.max(now - this.#countedAt[id], 0) / halfLife);
  }

  /** Some key in use, by 0 ≤ `random` < 1; `undefined` = that place is free. */
  any(random: number): number | undefined {
    const id = Math.floor(random * this.#refs.length);
    return this.#refs[id] ? id : undefined;
  }

  /** Lets go of what has been forgotten, and of the least asked for until there is room; in steps of some thousand keys. */
  *tidy(now: number): Generator<void, void> {
    this.#tidied = true;
    const room = this.limit * (1 - ROOM);
    const bound = this.size > room ? yield* this.#smallest(now, this.size - room) : 0;
    for (let id = 0; id < this.end; id++) {
      if (id % AT_A_TIME === AT_A_TIME - 1) yield;
      const ref = this.#refs[id];
      if (!ref) continue;
      const isLeast = bound > 0 && this.countOf(id, now) < bound;
      if (isLeast || this.#forgotten(id, now)) this.#forget(id, ref);
    }
  }

  /** The hottest keys with their counts, hottest first; in steps of some thousand keys. */
  *hottest(
    now: number,
    most: number,
    wanted: (ref: KeyRef) => boolean = () => true,
  ): Generator<void, (readonly [ref: KeyRef, count: number])[]> {
    const refs: KeyRef[] = [];
    const counts = new Float64Array(this.end);
    for (let id = 0; id < this.end; id++) {
      if (id % AT_A_TIME === AT_A_TIME - 1) yield;
      const ref = this.#refs[id];
      if (ref && wanted(ref)) counts[refs.push(ref) - 1] = this.countOf(id, now);
    }
    yield;
    return highest(counts.subarray(0, refs.length), most)
      .sort((a, b) => counts[b] - counts[a])
      .slice(0, most)
      .map((place) => [refs[place], counts[place]] as const);
  }

  /** Another life's counts, or another instance's: the larger count of a key stands. */
  merge(kept: readonly HotKey[], now: number): void {
    for (const [tenant, cache, key, count] of kept) {
      const id = this.#place({ tenant, cache, key }, now, count);
      if (id === undefined) continue;
      this.#raise(id, Math.max(count - this.countOf(id, now), 0), now);
    }
  }

  #raise(id: number, count: number, at: number): void {
    this.#count[id] = this.countOf(id, at) + count;
    this.#recent[id] = this.recentOf(id, at) + count;
    this.#countedAt[id] = Math.max(at, this.#countedAt[id]);
  }

  #place(ref: KeyRef, now: number, seen = 0): number | undefined {
    const known = this.idOf(ref);
    if (known !== undefined) return known;
    if (this.size >= this.limit) {
      // Room is made by `tidy`, once a tick: until then only those are remembered that come again.
      this.#sketch ??= new Sketch();
      if (Math.max(seen, this.#sketch.add(nameOf(ref))) < WORTH_A_PLACE || this.#tidied)
        return undefined;
      for (const steps = this.tidy(now); !steps.next().done;);
      if (this.size >= this.limit) return undefined;
    }
    const id = this.#free.pop() ?? this.#refs.length;
    if (id >= this.#fresh.length) this.#grow(Math.min(2 * this.#fresh.length, this.limit));
    this.#makeIdsAt(ref).set(ref.key, id);
    this.#size++;
    const { tenant, cache, key } = ref;
    this.#refs[id] = { tenant, cache, key };
    this.#fresh[id] = this.#last[id] = this.#countedAt[id] = 0;
    this.#count[id] = this.#recent[id] = 0;
    this.#freshUntil[id] = this.#ttl[id] = this.#loadMs[id] = this.#bytes[id] = 0;
    this.followers.begin(id, this.#groupOf(ref), now);
    return id;
  }

  #idsAt(ref: KeyRef): Map<string, number> | undefined {
    if (ref.tenant !== this.#tenant || ref.cache !== this.#cache) {
      this.#tenant = ref.tenant;
      this.#cache = ref.cache;
      this.#here = this.#ids.get(placeOf(ref));
    }
    return this.#here;
  }

  #makeIdsAt(ref: KeyRef): Map<string, number> {
    const known = this.#idsAt(ref);
    if (known) return known;
    this.#ids.set(placeOf(ref), (this.#here = new Map()));
    return this.#here;
  }

  #forgotten(id: number, now: number): boolean {
    const lives = FORGOTTEN_LIVES * this.ttl(id);
    return now - this.#last[id] > Math.max(lives, FORGOTTEN_HALF_LIVES * this.halfLifeMs);
  }

  #forget(id: number, ref: KeyRef): void {
    const ids = this.#idsAt(ref);
    ids?.delete(ref.key);
    if (ids?.size === 0) {
      this.#ids.delete(placeOf(ref));
      this.#here = undefined;
    }
    this.#size--;
    this.#refs[id] = undefined;
    this.#fresh[id] = 0;
    this.#free.push(id);
    this.followers.forget(id);
  }

  /** A number for the tenant and key pattern; of groups that come late some share one. */
  #groupOf(ref: KeyRef): number {
    const name = `${placeOf(ref)}\u0000${firstSegment(ref.key)}`;
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#groups.size >= this.limit) this.#groups.clear();
    this.#groups.set(name, this.#groups.size);
    return this.#groups.size - 1;
  }

  /** So many counts are smaller than this one. */
  *#smallest(now: number, many: number): Generator<void, number> {
    const counts = new Float64Array(this.end);
    let known = 0;
    for (let id = 0; id < counts.length; id++) {
      if (id % AT_A_TIME === AT_A_TIME - 1) yield;
      if (this.#refs[id]) counts[known++] = this.countOf(id, now);
    }
    return atRank(counts.subarray(0, known), Math.min(Math.ceil(many), known - 1));
  }

  #grow(length: number): void {
    const longer = <A extends Float32Array | Float64Array | Uint32Array>(from: A, to: A): A => {
      to.set(from);
      return to;
    };
    this.#fresh = longer(this.#fresh, new Uint32Array(length));
    this.#last = longer(this.#last, new Float64Array(length));
    this.#count = longer(this.#count, new Float32Array(length));
    this.#countedAt = longer(this.#countedAt, new Float64Array(length));
    this.#recent = longer(this.#recent, new Float32Array(length));
    this.#freshUntil = longer(this.#freshUntil, new Float64Array(length));
    this.#ttl = longer(this.#ttl, new Float32Array(length));
    this.#loadMs = longer(this.#loadMs, new Float32Array(length));
    this.#bytes = longer(this.#bytes, new Uint32Array(length));
  }
}
