/**
 * Where decorated methods find the cache of their application. Depends on nothing, so that a provider the cache itself
 * needs may use decorators, and every application in a process has its own.
 */
import { Injectable } from '@nestjs/common';
import { DefaultKeys } from '../core/default-key.js';
import { CacheError } from '../core/errors.js';
import type { EntryOptions } from '../core/entry-options.js';
import type { EntryScope } from '../core/security.js';
import type { CacheManager, Loader } from '../manager/cache-manager.js';

/** A class, as the owner of default keys. */
export type AnyClass = abstract new (...args: never[]) => object;

/** A decorated method that spells its key from class, method and arguments. */
export interface DefaultKeyed {
  /** Prefix of its keys where `runtime` is the class of the instance. */
  prefix(runtime: AnyClass): string;
  /** Those that were asked for last: a method mostly is of one class and one application, and two maps are dear beside a hit. */
  latest?: LatestKeys | undefined;
}

export interface LatestKeys {
  /** Stands for the holder, and keeps nothing of an application that has ended. */
  readonly of: object;
  readonly runtime: AnyClass;
  readonly keys: DefaultKeys;
}

/** A decorated method has been run for a key, and can be again. */
export interface MadeCall {
  readonly instance: object;
  readonly method: string | symbol;
  readonly key: string;
  readonly args: readonly unknown[];
  readonly options: EntryOptions;
  readonly scope: EntryScope | undefined;
  /** The same call with other arguments. */
  readonly loader: (args: unknown[]) => Loader<unknown>;
}

@Injectable()
export class CacheHolder {
  /** `undefined` until the application has built its cache. */
  manager: CacheManager | undefined;
  /** After shutdown decorated reads run uncached. */
  closed = false;
  /** Each decorated method has to say whose its entries are. */
  wantsScopes = false;
  /** Told of each load of a `@Cached` method. */
  record: ((call: MadeCall) => void) | undefined;
  readonly #mark = {};
  readonly #keys = new Map<AnyClass, Map<DefaultKeyed, DefaultKeys>>();
  readonly #owners = new Map<string, string>();
  readonly #declared = new Map<string, string>();

  /** Declares settings of a named cache, once or twice the same. */
  declare(name: string, settings: string, conflict: (name: string) => Error): void {
    if ((this.#declared.get(name) ?? settings) !== settings) throw conflict(name);
    this.#declared.set(name, settings);
  }

  /**
   * A method's default keys where `runtime` is the class of the instance.
   *
   * @throws CacheError `CACHE_CONFIG_INVALID` if another method of this application has the same.
   */
  keys(runtime: AnyClass, method: DefaultKeyed): DefaultKeys {
    const { latest } = method;
    if (latest && latest.runtime === runtime && latest.of === this.#mark) return latest.keys;
    const keys = this.#keys.get(runtime)?.get(method) ?? this.#claim(runtime, method);
    method.latest = { of: this.#mark, runtime, keys };
    return keys;
  }

  #claim(runtime: AnyClass, method: DefaultKeyed): DefaultKeys {
    const prefix = method.prefix(runtime);
    if (this.#owners.has(prefix)) {
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        `two methods have the default key ${prefix} (classes ${this.#owners.get(prefix)} and ${runtime.name}); ` +
          'give one of them a `name` of its own, as in @Cached({ name: ... }), or a `key`',
      );
    }
    this.#owners.set(prefix, runtime.name);
    let methods = this.#keys.get(runtime);
    if (!methods) this.#keys.set(runtime, (methods = new Map()));
    const keys = new DefaultKeys(prefix);
    methods.set(method, keys);
    return keys;
  }
}
