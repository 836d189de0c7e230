/** Which keys are asked for most: counts that fade, so that yesterday's crowd does not outweigh today's. Pure. */

/** A key, where it lives. */
export interface KeyRef {
  /** `p` or `t:` + id. */
  readonly tenant: string;
  readonly cache: string;
  readonly key: string;
}

/** A key with its faded count, as it is kept between two lives of a process. */
export type HotKey = readonly [tenant: string, cache: string, key: string, count: number];

interface Tracked extends KeyRef {
  count: number;
}

/** Keys kept in mind; with their counts about 120 bytes each. */
const MAX_TRACKED = 20_000;
const HALF_LIFE_MS = 3_600_000;
/** Below this a key has been forgotten by its users. */
const FORGOTTEN = 0.05;

export class HotKeys {
  readonly #tracked = new Map<string, Tracked>();

  constructor(
    readonly limit = MAX_TRACKED,
    readonly halfLifeMs = HALF_LIFE_MS,
  ) {}

  get size(): number {
    return this.#tracked.size;
  }

  /** The key was asked for `count` times. */
  observe(ref: KeyRef, count: number): void {
    const name = nameOf(ref);
    const known = this.#tracked.get(name);
    if (known) known.count += count;
    else this.#tracked.set(name, { tenant: ref.tenant, cache: ref.cache, key: ref.key, count });
    // Twice the limit, so that making room is paid for once in as many keys.
    if (this.#tracked.size > 2 * this.limit) this.#shrink();
  }

  /** Time has passed: every count fades by it. */
  fade(ms: number): void {
    const left = 0.5 ** (ms / this.halfLifeMs);
    for (const [name, tracked] of this.#tracked) {
      tracked.count *= left;
      if (tracked.count < FORGOTTEN) this.#tracked.delete(name);
    }
    if (this.#tracked.size > this.limit) this.#shrink();
  }

  /** The hottest keys, hottest first. */
  top(most: number, wanted: (ref: KeyRef) => boolean = () => true): KeyRef[] {
    return this.#sorted().filter(wanted).slice(0, most);
  }

  /** What is worth keeping for the next life of the process. */
  snapshot(most: number): HotKey[] {
    return this.#sorted()
      .slice(0, most)
      .map(({ tenant, cache, key, count }) => [tenant, cache, key, Math.round(count * 100) / 100]);
  }

  /** Another life's counts, or another instance's: the larger count of a key stands. */
  merge(kept: readonly HotKey[]): void {
    for (const [tenant, cache, key, count] of kept) {
      const name = nameOf({ tenant, cache, key });
      const known = this.#tracked.get(name);
      if (known) known.count = Math.max(known.count, count);
      else this.#tracked.set(name, { tenant, cache, key, count });
    }
    if (this.#tracked.size > this.limit) this.#shrink();
  }

  #sorted(): Tracked[] {
    return [...this.#tracked.values()].sort((a, b) => b.count - a.count);
  }

  #shrink(): void {
    const kept = this.#sorted().slice(0, this.limit);
    this.#tracked.clear();
    for (const tracked of kept) this.#tracked.set(nameOf(tracked), tracked);
  }
}

/** Whether something that came from a store is a list of hot keys. */
export function isHotKeys(value: unknown): value is HotKey[] {
  return (
    Array.isArray(value) &&
    value.every(
      (one: unknown) =>
        Array.isArray(one) &&
        one.length === 4 &&
        one.slice(0, 3).every((text) => typeof text === 'string') &&
        Number.isFinite(one[3]),
    )
  );
}

function nameOf({ tenant, cache, key }: KeyRef): string {
  return `${tenant}\u0000${cache}\u0000${key}`;
}
