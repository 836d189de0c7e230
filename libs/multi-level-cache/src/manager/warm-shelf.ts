/** What warming keeps in the tiers: the hot list, what was learned, and what each process tells the one that plans. */
import type { EntryOptions } from '../core/entry-options.js';
import { isHotKeys, type HotKey } from '../warming/key-ref.js';
import type { CacheManager } from './cache-manager.js';

/** The cache it is kept in; its name is no one else's. */
export const WARMING_CACHE = 'mlc.warming';
const HOT = 'hot';
const MODEL = 'model';
const KEPT: EntryOptions = { ttl: '7d', grace: 0, jitter: 0 };
/** Told by processes that do not plan: in so many places, so that no list of them is needed. Two in one place lose a tick. */
const PLACES = 16;
/** Keys told at a time, those asked for most. */
const TOLD = 512;

/** Misses of a tenant that warming could have saved. */
type Misses = readonly [tenant: string, misses: number];

/** What one process tells another. */
interface Told {
  readonly counts: readonly HotKey[];
  readonly misses: readonly Misses[];
}

type Keep = Pick<CacheManager, 'get' | 'set' | 'getMany'>;

export class WarmShelf {
  #known: number | undefined;
  #told = 0;
  /** Of each process that tells, the number of its last telling. */
  readonly #heard = new Map<string, number>();

  constructor(
    /** As nobody's, whoever asks. */
    readonly cache: () => Keep,
    readonly random: () => number,
  ) {}

  /** A name for this process, drawn when it is first needed. */
  get #me(): number {
    return (this.#known ??= Math.floor(this.random() * 2 ** 32));
  }

  async hot(): Promise<readonly HotKey[]> {
    const kept = await this.cache().get(HOT);
    return isHotKeys(kept) ? kept : [];
  }

  model(): Promise<unknown> {
    return this.cache().get(MODEL);
  }

  async keep(hot: readonly HotKey[], model: unknown): Promise<void> {
    await this.cache().set(HOT, hot, KEPT);
    if (model !== undefined) await this.cache().set(MODEL, model, KEPT);
  }

  /** Tells the one that plans what was asked for and missed here since the last time. */
  async tell({ counts, misses }: Told, everyMs: number): Promise<void> {
    const most = counts.toSorted(([, , , a], [, , , b]) => b - a).slice(0, TOLD);
    const told = { from: this.#me, number: ++this.#told, counts: most, misses };
    await this.cache().set(`told:${this.#me % PLACES}`, told, {
      ttl: 3 * everyMs,
      grace: 0,
      jitter: 0,
      tiers: ['l2'],
    });
  }

  /** What others have told and was not heard yet. */
  async hear(): Promise<Told> {
    const places = Array.from({ length: PLACES }, (_zero, place) => `told:${place}`);
    const all = await this.cache().getMany<unknown>(places, { tiers: ['l2'] });
    const heard: { counts: HotKey[]; misses: Misses[] } = { counts: [], misses: [] };
    for (const [place, told] of all) {
      const { counts, from, misses, number } = (told ?? {}) as Record<string, unknown>;
      if (from === this.#me || typeof number !== 'number') continue;
      if (!isHotKeys(counts) || !areMisses(misses)) continue;
      const name = `${place} ${String(from)}`;
      if (this.#heard.get(name) === number) continue;
      this.#heard.delete(name);
      this.#heard.set(name, number);
      if (this.#heard.size > 4 * PLACES) this.#heard.delete(this.#heard.keys().next().value!);
      heard.counts.push(...counts);
      heard.misses.push(...misses);
    }
    return heard;
  }
}

function areMisses(value: unknown): value is Misses[] {
  return (
    Array.isArray(value) &&
    value.every(
      (one: unknown) =>
        Array.isArray(one) &&
        one.length === 2 &&
        typeof one[0] === 'string' &&
        Number.isSafeInteger(one[1]) &&
        one[1] > 0,
    )
  );
}
