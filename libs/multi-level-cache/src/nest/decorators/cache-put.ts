/** `@CachePut`: what a method made goes into the cache, once the method has succeeded. */
import type { EntryOptions } from '../../core/entry-options.js';
import type { EntryScope } from '../../core/security.js';
import type { CacheManager } from '../../manager/cache-manager.js';
import { Faults, Section } from '../faults.js';
import { DURATION, SCOPE, SHARE } from '../option-rules.js';
import { keyTemplate } from './key-template.js';
import {
  defined,
  FUNCTION,
  TAGS,
  TTL_OR_FUNCTION,
  TYPES,
  type AnyFunction,
  type AsyncMethodDecorator,
  type FixedOptions,
  type Scoped,
  type Ttl,
} from './method-options.js';
import {
  cacheOf,
  holderOf,
  replaceMethod,
  targetOf,
  type Decorated,
  type Target,
} from './wrap-method.js';

/** Options of {@link CachePut}. */
export interface CachePutOptions<Args extends unknown[], Result> extends Omit<
  FixedOptions & Scoped,
  'timeout' | 'hardTimeout' | 'refreshAhead'
> {
  /** The key: a function of the result and the arguments, or a template of the arguments such as `'product:{0}'`. */
  readonly key: string | ((result: Exclude<Result, undefined>, ...args: Args) => string);
  /** How long the result is fresh. @defaultValue `defaults.ttl` */
  readonly ttl?: Ttl | ((result: Exclude<Result, undefined>, ...args: Args) => Ttl);
  /** Up to 16 labels for `invalidateTags` and `@CacheEvict`. @defaultValue none */
  readonly tags?:
    readonly string[] | ((result: Exclude<Result, undefined>, ...args: Args) => readonly string[]);
  /** `false` leaves the cache as it is. @defaultValue always */
  readonly when?: (...args: Args) => boolean;
  /** `true` leaves the cache as it is. @defaultValue never */
  readonly unless?: (result: Exclude<Result, undefined>, ...args: Args) => boolean;
}

/**
 * Stores what an asynchronous method resolves to, then the caller gets it. For data the method itself makes; what is read
 * from a database belongs under `@Cached`, and a write to one under `@CacheEvict`: two of them at once may reach the
 * database in one order and the cache in the other.
 *
 * `undefined` is not stored. The stored value is a copy.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` at decoration; the method rejects as `CacheManager.set` does, after its work
 * was done.
 *
 * @example
 * class Sessions {
 *   \@CachePut({ key: (session) => `session:${session.id}`, ttl: '30m' })
 *   async open(user: string): Promise<{ id: string; user: string }> {
 *     return { id: randomUUID(), user };
 *   }
 * }
 */
export function CachePut<Args extends unknown[], Result>(
  options: NoInfer<CachePutOptions<Args, Result>>,
): AsyncMethodDecorator<Args, Result> {
  return (prototype, method, descriptor) => {
    const target = targetOf('CachePut', prototype, method, descriptor);
    const plan = new PutPlan(target, options);
    replaceMethod(target, descriptor, wrapper(target, plan), plan);
  };
}

function wrapper(target: Target, plan: PutPlan): (...args: unknown[]) => Promise<unknown> {
  return async function (this: object | undefined, ...args: unknown[]): Promise<unknown> {
    const holder = holderOf(this, target);
    const result = await target.original.apply(this, args);
    if (holder?.manager && !holder.closed && result !== undefined)
      await plan.store(cacheOf(holder, holder.manager, plan), result, args);
    return result;
  };
}

class PutPlan implements Decorated {
  readonly scope: EntryScope | undefined;
  readonly #key: AnyFunction;
  readonly #fixed: EntryOptions;
  readonly #ttl: AnyFunction | undefined;
  readonly #tags: AnyFunction | undefined;
  readonly #when: AnyFunction | undefined;
  readonly #unless: AnyFunction | undefined;

  constructor(
    readonly target: Target,
    given: object,
  ) {
    const faults = new Faults();
    const options = new Section(faults, given, '');
    this.#key = options.optional('key', KEY)!;
    if (options.given('key') === undefined) options.fault('key', 'left out', KEY.allowed);
    this.#when = options.optional('when', FUNCTION);
    this.#unless = options.optional('unless', FUNCTION);
    const ttl = options.optional('ttl', TTL_OR_FUNCTION);
    const tags = options.optional('tags', TAGS);
    this.#ttl = typeof ttl === 'function' ? ttl : undefined;
    this.#tags = typeof tags === 'function' ? tags : undefined;
    this.#fixed = defined({
      ttl: typeof ttl === 'function' ? undefined : ttl,
      tags: typeof tags === 'function' ? undefined : tags,
      grace: options.optional('grace', DURATION),
      negativeTtl: options.optional('negativeTtl', DURATION),
      jitter: options.optional('jitter', SHARE),
      type: options.optional('type', TYPES),
    });
    this.scope = options.optional('scope', SCOPE);
    options.end();
    faults.throwIfAny(`the options of @CachePut on ${target.label}`);
  }

  async store(cache: CacheManager, result: unknown, args: unknown[]): Promise<void> {
    if (this.#when && !this.#when(...args)) return;
    if (this.#unless?.(result, ...args)) return;
    await cache.set(this.#key(result, ...args) as string, result, {
      ...this.#fixed,
      ...(this.#ttl ? { ttl: this.#ttl(result, ...args) as Ttl } : {}),
      ...(this.#tags ? { tags: this.#tags(result, ...args) as string[] } : {}),
    });
  }
}

const KEY = {
  read: (value: unknown): AnyFunction | undefined => {
    if (typeof value === 'function') return value as AnyFunction;
    const keyOf = keyTemplate(value);
    return keyOf && ((_result, ...args) => keyOf(args));
  },
  allowed: "a function, or a template such as 'product:{0}' with text between its places",
};
