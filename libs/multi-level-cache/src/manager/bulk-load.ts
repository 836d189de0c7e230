/** Many keys, one call of their loader: each key travels as a load of its own, and all that get as far share it. */
import { AsyncResource } from 'node:async_hooks';
import { CacheError } from '../core/errors.js';
import { Reads } from '../security/identity-reads.js';
import type {
  BulkLoader,
  BulkLoaderContext,
  Entries,
  Loader,
  LoaderContext,
} from './cache-manager.js';

interface Waiting {
  readonly key: string;
  readonly context: LoaderContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls the loader when every key has been answered by a tier, is led by another call, or waits here. */
export class BulkLoad {
  /** What the loader reads of the identity it runs for. */
  readonly reads = new Reads();
  readonly #open: Set<string>;
  #within: AsyncResource | undefined;
  #waiting: Waiting[] = [];
  #gathered: (() => void)[] = [];

  constructor(
    readonly keys: readonly string[],
    readonly loader: BulkLoader<unknown>,
  ) {
    this.#open = new Set(keys);
  }

  /** The loader of each single key. */
  readonly one: Loader<unknown> = (key, context) =>
    new Promise<unknown>((resolve, reject) => {
      // Where loaders are watched: the last key may be answered elsewhere.
      this.#within ??= new AsyncResource('BulkLoad');
      this.#waiting.push({ key, context, resolve, reject });
      this.leave(key);
    });

  /** Waits until every key has come as far as this one, so that what they ask next goes out together. */
  gather(): Promise<void> {
    return new Promise((resolve) => {
      this.#gathered.push(resolve);
      this.#pass();
    });
  }

  /** This key needs no loader, or has asked for it. */
  leave(key: string): void {
    this.#open.delete(key);
    this.#pass();
    if (this.#open.size > 0 || this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    void this.#run(batch);
  }

  #pass(): void {
    if (this.#gathered.length < this.#open.size) return;
    for (const go of this.#gathered.splice(0)) go();
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      const wanted = new Map(batch.map((waiting) => [waiting.key, waiting]));
      const keys = this.keys.filter((key) => wanted.has(key));
      const setOptions: BulkLoaderContext['setOptions'] = (key, options) =>
        wanted.get(key)?.context.setOptions(options);
      const load = (): ReturnType<typeof this.loader> =>
        this.loader(keys, { signal: allOf(batch), setOptions });
      const values = toMap(await this.#within!.runInAsyncScope(load));
      for (const { key, resolve } of batch) resolve(values.get(key));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** Keys with values as a map. */
export function toMap<T>(entries: Entries<T>): ReadonlyMap<string, T> {
  if (entries instanceof Map) return entries as ReadonlyMap<string, T>;
  const isList = Array.isArray(entries) && entries.every((pair) => Array.isArray(pair));
  if (!isList)
    throw new CacheError('CACHE_OPTION_INVALID', 'entries must be a Map or a list of [key, value]');
  return new Map(entries as unknown as readonly (readonly [string, T])[]);
}

/** Aborted once nobody waits for any of the keys. */
function allOf(batch: readonly Waiting[]): AbortSignal {
  const all = new AbortController();
  let left = batch.length;
  for (const { context } of batch) {
    const { signal } = context;
    const end = (): void => {
      if (--left === 0) all.abort(signal.reason);
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  }
  return all.signal;
}
