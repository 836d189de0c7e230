/** An application under steady, open-loop load that knows what is right: whoever answers late does not slow the next request down. */
import type { CacheManager } from '../../../libs/multi-level-cache/src/manager/cache-manager.js';
import { seeded } from '../../support/random.mjs';

const TICK_MS = 10;

export interface LoadOptions {
  /** Requests a second. */
  readonly perSecond?: number;
  readonly keys?: number;
  /** Every so many requests one is a write of its key; 0 = none. */
  readonly writeEvery?: number;
  /** How long the loader takes, ms. */
  readonly loadMs?: number;
  /** What a value holds beside its version. */
  readonly padding?: string;
  readonly ttl?: number;
  /** Names of keys, so that two loads need not meet. */
  readonly prefix?: string;
  /** These keys, instead of `keys` and `prefix`. */
  readonly names?: readonly string[];
}

/** What requests of one stretch of time have seen. */
export interface Report {
  readonly requests: number;
  /** Requests that failed. */
  readonly errors: readonly unknown[];
  /** Values older than a write that had been acknowledged when they were asked for. */
  readonly wrong: number;
  /** Calls of the loader. */
  readonly loads: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Value {
  /** Whose value it is: another key's is wrong whatever its age. */
  readonly at: number;
  readonly version: number;
  readonly padding: string;
}

/** The source of truth of one key. */
class Source {
  version = 1;
  /** The latest write whose invalidation has been acknowledged. */
  acknowledged = 1;
}

/** One stretch; requests belong to the one in which they began. */
class Stretch {
  readonly times: number[] = [];
  readonly errors: unknown[] = [];
  requests = 0;
  wrong = 0;
  loads = 0;

  /** Never rejects. */
  async counted(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.errors.push(error);
    }
  }

  report(): Report {
    const sorted = this.times.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
    const { errors, loads, requests, wrong } = this;
    return { requests, errors, wrong, loads, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

/** Starts at once; several caches take turns, as instances behind a balancer. */
export class Load {
  readonly #sources: Source[];
  readonly #names: readonly string[];
  readonly #running = new Set<Promise<void>>();
  readonly #random = seeded(1);
  #stretch = new Stretch();
  #number = 0;
  #due = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #began = performance.now();

  constructor(
    readonly caches: readonly CacheManager[],
    readonly options: LoadOptions = {},
  ) {
    const { keys = 100, prefix = 'load', names } = options;
    this.#names = names ?? Array.from({ length: keys }, (_zero, at) => `${prefix}:${at}`);
    this.#sources = this.#names.map(() => new Source());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends a stretch and begins the next one; resolves when all requests of the old one have ended. */
  async next(): Promise<Report> {
    const stretch = this.#stretch;
    this.#stretch = new Stretch();
    await Promise.all(this.#running);
    return stretch.report();
  }

  /** `next()` after so many milliseconds. */
  async during(ms: number): Promise<Report> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.next();
  }

  async stop(): Promise<Report> {
    clearInterval(this.#timer);
    return this.next();
  }

  /** How many keys this cache has something for that is older than a write acknowledged before: no request of the load. */
  async older(cache: CacheManager): Promise<number> {
    const acknowledged = this.#sources.map((source) => source.acknowledged);
    const found = await Promise.all(this.#names.map((key) => cache.get<Value>(key)));
    return found.filter((value, at) => value && value.version < acknowledged[at]).length;
  }

  /** As many as are due by now, also where the timer was late: the load does not go down with the process. */
  #tick(): void {
    const { perSecond = 200 } = this.options;
    this.#due = ((performance.now() - this.#began) / 1_000) * perSecond;
    while (this.#number < this.#due) {
      const request = this.#request(this.#number++).finally(() => this.#running.delete(request));
      this.#running.add(request);
    }
  }

  async #request(number: number): Promise<void> {
    const { writeEvery = 0 } = this.options;
    const writes = writeEvery > 0 && number % writeEvery === 0;
    // By chance, so that neither writes nor an instance have keys of their own.
    const at = Math.floor(this.#random() * this.#names.length);
    const cache = this.caches[number % this.caches.length];
    const stretch = this.#stretch;
    stretch.requests++;
    const read = (): Promise<void> => this.#read(cache, at, stretch);
    // What is written is in memory before; who has changed something sees that at once. How fast is not the question here.
    if (writes) await stretch.counted(read);
    const before = performance.now();
    await stretch.counted(writes ? () => this.#write(cache, at) : read);
    stretch.times.push(performance.now() - before);
    if (writes) await stretch.counted(read);
  }

  async #read(cache: CacheManager, at: number, stretch: Stretch): Promise<void> {
    const source = this.#sources[at];
    const { loadMs = 1, padding = '', ttl } = this.options;
    // Other instances' memory may be older by the delivery of a message: only what this instance acknowledged counts.
    const alone = this.caches.length === 1;
    const least = alone ? source.acknowledged : 0;
    const value = await cache.getOrSet<Value>(
      this.#names[at],
      async () => {
        stretch.loads++;
        const { version } = source;
        await new Promise((resolve) => setTimeout(resolve, loadMs));
        return { at, version, padding };
      },
      ttl === undefined ? undefined : { ttl },
    );
    if (value.at !== at || value.version < least || value.padding !== padding) stretch.wrong++;
  }

  async #write(cache: CacheManager, at: number): Promise<void> {
    const source = this.#sources[at];
    const version = ++source.version;
    await cache.delete(this.#names[at]);
    source.acknowledged = Math.max(source.acknowledged, version);
  }
}
