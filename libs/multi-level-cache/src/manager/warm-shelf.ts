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

  /** Tells the one that plans what was asked for here since the last time. */
  async tell(counts: readonly HotKey[], everyMs: number): Promise<void> {
    const most = counts.toSorted(([, , , a], [, , , b]) => b - a).slice(0, TOLD);
    const told = { from: this.#me, number: ++this.#told, counts: most };
    await this.cache().set(`told:${this.#me % PLACES}`, told, {
      ttl: 3 * everyMs,
      grace: 0,
      jitter: 0,
      tiers: ['l2'],
    });
  }

  /** What others have told and was not heard yet. */
  async hear(): Promise<HotKey[]> {
    const places = Array.from({ length: PLACES }, (_zero, place) => `told:${place}`);
    const all = await this.cache().getMany<unknown>(places, { tiers: ['l2'] });
    const heard: HotKey[] = [];
    for (const [place, told] of all) {
      const { counts, from, number } = (told ?? {}) as Record<string, unknown>;
      if (from === this.#me || typeof number !== 'number' || !isHotKeys(counts)) continue;
      const name = `${place} ${String(from)}`;
      if (this.#heard.get(name) === number) continue;
      this.#heard.delete(name);
      this.#heard.set(name, number);
      if (this.#heard.size > 4 * PLACES) this.#heard.delete(this.#heard.keys().next().value!);
      heard.push(...counts);
    }
    return heard;
  }
}
