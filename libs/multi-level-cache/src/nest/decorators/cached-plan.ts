/** What `@Cached` was told, checked once at decoration and turned into what each call needs. */
import type { EntryOptions, LifeOptions } from '../../core/entry-options.js';
import { CacheError } from '../../core/errors.js';
import { textFault } from '../../core/key.js';
import type { EntryScope } from '../../core/security.js';
import type { CachedMethod } from '../../manager/cache.js';
import type { Loader } from '../../manager/cache-manager.js';
import type { AnyClass, CacheHolder, DefaultKeyed, LatestKeys, MadeCall } from '../cache-holder.js';
import { Faults, Section } from '../faults.js';
import { BOOLEAN, DURATION, POSITIVE_TIMER, SCOPE, SHARE, TIMER } from '../option-rules.js';
import { keyTemplate, type KeyOf } from './key-template.js';
import {
  defined,
  FUNCTION,
  SCHEMA,
  TAGS,
  TTL_OR_FUNCTION,
  TYPES,
  type AnyFunction,
  type Ttl,
} from './method-options.js';
import type { Decorated, Target } from './wrap-method.js';

const NEVER = ['tiers', 'consistency', 'forceFresh'];

export class CachedPlan implements DefaultKeyed, Decorated, CachedMethod<CacheHolder> {
  readonly keyOf: KeyOf | undefined;
  readonly when: AnyFunction | undefined;
  /** The first argument is a list, and the method makes a Map of it. */
  readonly batch: boolean;
  readonly scope: EntryScope | undefined;
  /** What is known without a result. */
  readonly entry: EntryOptions;
  latest: LatestKeys | undefined;
  readonly #unless: AnyFunction | undefined;
  readonly #ttl: AnyFunction | undefined;
  readonly #tags: AnyFunction | undefined;
  readonly #name: string | undefined;
  readonly #suffix: string;

  /** @throws CacheError `CACHE_CONFIG_INVALID` with one line per fault. */
  constructor(
    readonly target: Target,
    given: object = {},
  ) {
    const faults = new Faults();
    const options = new Section(faults, given, '');
    this.keyOf = options.optional('key', KEY);
    this.#name = options.optional('name', PREFIX);
    const version = options.optional('version', VERSION);
    this.#suffix = version === undefined ? '' : `@${version}`;
    this.when = options.optional('when', FUNCTION);
    this.#unless = options.optional('unless', FUNCTION);
    this.batch = options.optional('batch', BOOLEAN) === true;
    this.scope = options.optional('scope', SCOPE);
    const ttl = options.optional('ttl', TTL_OR_FUNCTION);
    const tags = options.optional('tags', TAGS);
    this.#ttl = typeof ttl === 'function' ? ttl : undefined;
    this.#tags = typeof tags === 'function' ? tags : undefined;
    this.entry = defined({
      ttl: typeof ttl === 'function' ? undefined : ttl,
      tags: typeof tags === 'function' ? undefined : tags,
      grace: options.optional('grace', DURATION),
      timeout: options.optional('timeout', TIMER),
      hardTimeout: options.optional('hardTimeout', POSITIVE_TIMER),
      negativeTtl: options.optional('negativeTtl', DURATION),
      jitter: options.optional('jitter', SHARE),
      refreshAhead: options.optional('refreshAhead', SHARE),
      type: options.optional('type', TYPES),
      schema: options.optional('schema', SCHEMA),
    });
    for (const name of NEVER) options.notYet(name);
    options.end();
    faults.throwIfAny(`the options of @Cached on ${target.label}`);
  }

  get keyed(): DefaultKeyed | undefined {
    return this.keyOf ? undefined : this;
  }

  /** The key of a call with these arguments; in a batch, of one item and the arguments beside the list. */
  keyFor(holder: CacheHolder, runtime: AnyClass, args: readonly unknown[]): string {
    return this.keyOf ? this.keyOf(args) : holder.keys(runtime, this).of(args);
  }

  /** The class of the instance names the key, so that two heirs of one method never answer for each other. */
  prefix(runtime: AnyClass): string {
    const declaring = this.target.prototype.constructor as AnyClass;
    // An override that calls `super.method()` runs both: they must not wait for each other under one key.
    const owner = runtime === declaring ? runtime.name : `${runtime.name}<${declaring.name}`;
    const prefix = (this.#name ?? `${owner}#${String(this.target.method)}`) + this.#suffix;
    if (this.#name === undefined && (runtime.name === '' || textFault(prefix) !== undefined)) {
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        '@Cached stands on a method whose class or method has no usable name; give it a `name` or a `key`',
      );
    }
    return prefix;
  }

  /** Runs the method as a loader, and tells the holder; what depends on its result is set once that is known. */
  loader(instance: object | undefined, args: unknown[], holder?: CacheHolder): Loader<unknown> {
    const { original } = this.target;
    const plain = !this.#unless && !this.#ttl && !this.#tags;
    return async (key, context) => {
      if (instance && holder?.record) holder.record(this.#made(instance, key, args));
      const result = await original.apply(instance, args);
      if (plain) return result;
      if (result !== undefined) context.setOptions(this.settle(result, args));
      return result;
    };
  }

  #made(instance: object, key: string, args: readonly unknown[]): MadeCall {
    const loader = (again: unknown[]): Loader<unknown> => this.loader(instance, again);
    const { entry: options, scope, target } = this;
    return { instance, method: target.method, key, args, options, scope, loader };
  }

  /** What a result says of itself. */
  settle(result: unknown, args: readonly unknown[]): LifeOptions {
    if (this.#unless?.(result, ...args)) return { ttl: 0 };
    return {
      ...(this.#ttl ? { ttl: this.#ttl(result, ...args) as Ttl } : {}),
      ...(this.#tags ? { tags: this.#tags(result, ...args) as string[] } : {}),
    };
  }
}

const KEY = {
  read: (value: unknown): KeyOf | undefined =>
    typeof value === 'function'
      ? (args) => (value as AnyFunction)(...args) as string
      : keyTemplate(value),
  allowed: "a function, or a template such as 'product:{0}' with text between its places",
};

const PREFIX = {
  read: (value: unknown): string | undefined =>
    typeof value === 'string' && value.length <= 200 && textFault(value) === undefined
      ? value
      : undefined,
  allowed: 'a text of 1 to 200 characters',
};

const VERSION = {
  read: (value: unknown): string | number | undefined =>
    Number.isSafeInteger(value) ? (value as number) : PREFIX.read(value),
  allowed: 'a whole number or a text of 1 to 200 characters',
};
