/** The way into one named cache: whether it is open, whose entries a call means, and whether its caller may. */
import { invalid } from '../core/entry-options.js';
import { CacheError, isCacheError } from '../core/errors.js';
import { assertKey, type Address } from '../core/key.js';
import type { CacheAction } from '../core/security.js';
import type { Gate } from '../security/gate.js';
import type { MutateTargets } from './cache-manager.js';
import type { Home, Homes } from './home.js';
import { WARMING_CACHE } from './warm-shelf.js';

export class Door {
  /** The library's own cache is one that no policy of an application knows. */
  readonly #asks: boolean;

  constructor(
    readonly homes: Homes,
    readonly gate: Gate,
    readonly application: { readonly closed: boolean },
  ) {
    this.#asks = gate.policy !== undefined && homes.cache !== WARMING_CACHE;
  }

  /**
   * Where the caller is at home, if it may do this. Without a look at whether the cache is open: memory is asked first, and is empty then.
   *
   * @throws CacheError `CACHE_CONTEXT_MISSING`, `CACHE_ACCESS_DENIED`
   */
  enter(action: CacheAction, key?: string): Home {
    const { gate, homes } = this;
    try {
      const { entered } = gate.context;
      const home = homes.current(entered);
      if (this.#asks) gate.assert(entered?.context, action, homes.cache, key);
      return home;
    } catch (error) {
      gate.refused(error, { action, cache: homes.cache, key });
      throw error;
    }
  }

  /** @throws CacheError `CACHE_CLOSED` as well */
  enterOpen(action: CacheAction, key?: string): Home {
    this.assertOpen();
    return this.enter(action, key);
  }

  /** The same for each of the keys. */
  enterAll(action: CacheAction, keys: readonly string[]): Home {
    const home = this.enter(action, keys[0]);
    // Without a policy they are one question.
    if (this.#asks) for (const key of keys.slice(1)) this.enter(action, key);
    return home;
  }

  /** Where the caller is at home, for a call that asks the policy by itself: of each cache that it comes upon. */
  homeOpen(action: CacheAction): Home {
    const { gate, homes } = this;
    this.assertOpen();
    try {
      return homes.current(gate.context.entered);
    } catch (error) {
      gate.refused(error, { action, cache: homes.cache, key: undefined });
      throw error;
    }
  }

  /** Of the caller, whatever it may do. */
  home(): Home {
    return this.homes.current(this.gate.context.entered);
  }

  /** To remove what a call names, as far as it names keys. */
  enterTargets(targets: MutateTargets | undefined): Home {
    this.assertOpen();
    const keys: unknown = targets?.keys;
    return this.enterAll('invalidate', Array.isArray(keys) ? (keys as string[]) : []);
  }

  /** Those of the keys that the policy lets the caller read. */
  readable(keys: readonly string[]): readonly string[] {
    return this.#asks ? keys.filter((key) => this.#mayRead(key)) : keys;
  }

  /** The keys, each once. */
  keys(keys: readonly string[]): string[] {
    this.assertOpen();
    if (!Array.isArray(keys)) throw invalid('keys', 'must be a list of strings');
    keys.forEach(assertKey);
    return [...new Set<string>(keys)];
  }

  address(home: Home, key: string): Address {
    this.assertOpen();
    return this.homes.address(this.homes.living(home), key);
  }

  assertOpen(): void {
    if (this.application.closed) throw new CacheError('CACHE_CLOSED', 'the cache has been closed');
  }

  #mayRead(key: string): boolean {
    try {
      this.enter('read', key);
      return true;
    } catch (error) {
      if (isCacheError(error, 'CACHE_ACCESS_DENIED')) return false;
      throw error;
    }
  }
}
