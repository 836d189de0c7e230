/** `@Cached`: a method's result comes from the cache of the application that its instance belongs to. */
import { Cache } from '../../manager/cache.js';
import type { AnyClass } from '../cache-holder.js';
import { runBatch } from './batch.js';
import { CachedPlan } from './cached-plan.js';
import type { AsyncMethodDecorator, FixedOptions, Scoped, Ttl } from './method-options.js';
import { cacheOf, holderOf, replaceMethod, targetOf, type Target } from './wrap-method.js';

/** What the methods that `@Cached` made were told. */
const planOf = new WeakMap<object, CachedPlan>();

/** What `@Cached` was told of this method, if it stands on it. */
export function cachedPlanOf(method: unknown): CachedPlan | undefined {
  return typeof method === 'function' ? planOf.get(method) : undefined;
}

/** Options of {@link Cached}. `Args` and `Result` are those of the method. */
export interface CachedOptions<Args extends unknown[], Result> extends FixedOptions, Scoped {
  /**
   * The key: a function of the arguments, or a template such as `'product:{0}'`.
   * @defaultValue class, method and canonical arguments
   */
  readonly key?: string | ((...args: Args) => string);
  /** Stands for `Class#method` in the default key. Give one where two classes have the same name. */
  readonly name?: string;
  /** Part of the default key: raise it when the shape of the result changes. */
  readonly version?: string | number;
  /** How long the result is fresh. @defaultValue `defaults.ttl` */
  readonly ttl?: Ttl | ((result: Exclude<Result, undefined>, ...args: Args) => Ttl);
  /** Up to 16 labels for `invalidateTags` and `@CacheEvict`. @defaultValue none */
  readonly tags?:
    readonly string[] | ((result: Exclude<Result, undefined>, ...args: Args) => readonly string[]);
  /** Asked before the call: `false` runs the method without the cache. @defaultValue always */
  readonly when?: (...args: Args) => boolean;
  /** Asked after the method ran: `true` returns the result without storing it. @defaultValue never */
  readonly unless?: (result: Exclude<Result, undefined>, ...args: Args) => boolean;
}

/**
 * Options of {@link Cached} on a method over a list: `key`, `ttl`, `tags` and `unless` get one item of it where the method
 * gets all, `when` gets what the method gets.
 */
export interface CachedBatchOptions<Item, Rest extends unknown[], Result> extends Omit<
  CachedOptions<[item: Item, ...rest: Rest], Result>,
  'when'
> {
  /** The method takes a list as its first argument and returns a Map from item to result. */
  readonly batch: true;
  readonly when?: (items: readonly Item[], ...rest: Rest) => boolean;
}

/**
 * Caches what an asynchronous method resolves to.
 *
 * Works on any provider or controller. One run per key across all instances; an error of the method reaches the caller as it
 * is, unless a stale value can stand in. `undefined` is not cached. A cached result is frozen. Two calls share an entry when
 * their keys are equal: put whoever the data belongs to into the key.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` at decoration; the method rejects with `CACHE_KEY_INVALID` for an argument
 * that has no canonical form, and as `CacheManager.getOrSet` does.
 *
 * @example
 * class ProductService {
 *   constructor(private readonly rows: Map<string, { id: string; brand: string }>) {}
 *
 *   \@Cached({ key: (id) => `product:${id}`, ttl: '10m', tags: (product) => [`brand:${product?.brand}`] })
 *   async findOne(id: string) {
 *     return this.rows.get(id);
 *   }
 * }
 */
export function Cached<Item, Rest extends unknown[], Result>(
  options: NoInfer<CachedBatchOptions<Item, Rest, Result>>,
): AsyncMethodDecorator<[items: Item[], ...rest: Rest], ReadonlyMap<Item, Result>>;
export function Cached<Args extends unknown[], Result>(
  // Arguments and result come from the method alone: a function that takes fewer must not narrow them.
  options?: NoInfer<CachedOptions<Args, Result>>,
): AsyncMethodDecorator<Args, Result>;
export function Cached(options?: object): unknown {
  const decorate: AsyncMethodDecorator<never, unknown> = (prototype, method, descriptor) => {
    const target = targetOf('Cached', prototype, method, descriptor);
    const plan = new CachedPlan(target, options);
    const replacement = wrapper(target, plan);
    planOf.set(replacement, plan);
    replaceMethod(target, descriptor, replacement, plan);
  };
  return decorate;
}

function wrapper(target: Target, plan: CachedPlan): (...args: unknown[]) => unknown {
  const { original } = target;
  return function (this: object | undefined, ...args: unknown[]): unknown {
    try {
      const holder = holderOf(this, target);
      if (!holder?.manager || holder.closed) return original.apply(this, args);
      if (plan.when && !plan.when(...args)) return original.apply(this, args);
      const cache = cacheOf(holder, holder.manager, plan);
      if (plan.batch) {
        const runtime = classOf(this, target);
        return runBatch({ cache, plan, instance: this, args, holder, runtime });
      }
      const key = plan.keyOf ? plan.keyOf(args) : holder.keys(classOf(this, target), plan).of(args);
      // What a test has put in its place need not know the short way.
      return cache instanceof Cache
        ? cache.orCall(key, plan, this, args, holder)
        : cache.getOrSet(key, plan.loader(this, args, holder), plan.entry);
    } catch (error) {
      // A method that returns a promise must not throw.
      return Promise.reject(error);
    }
  };
}

function classOf(instance: object | undefined, target: Target): AnyClass {
  const own: unknown = instance?.constructor;
  return (typeof own === 'function' ? own : target.prototype.constructor) as AnyClass;
}
