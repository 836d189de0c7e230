/** `@CacheEvict`: what a method changed leaves the cache, once the method has succeeded. */
import type { EntryScope } from '../../core/security.js';
import type { CacheHolder } from '../cache-holder.js';
import { Faults, Section, type Rule } from '../faults.js';
import { BOOLEAN, SCOPE } from '../option-rules.js';
import { keyTemplate } from './key-template.js';
import {
  TAGS,
  type AnyFunction,
  type AsyncMethodDecorator,
  type Scoped,
} from './method-options.js';
import {
  cacheOf,
  holderOf,
  replaceMethod,
  targetOf,
  type Decorated,
  type Target,
} from './wrap-method.js';

/** Options of {@link CacheEvict}; at least one of `keys` and `tags`. */
export interface CacheEvictOptions<Args extends unknown[]> extends Scoped {
  /** Keys to delete: a function of the arguments, or keys and templates such as `'product:{0}'`. */
  readonly keys?: string | readonly string[] | ((...args: Args) => string | readonly string[]);
  /** Tags to invalidate. */
  readonly tags?: readonly string[] | ((...args: Args) => readonly string[]);
  /**
   * `'after'`: only if the method succeeded, with the arguments as the method left them. `'before'`: in any case, and
   * before it runs; a call meanwhile may store the old value again. @defaultValue `'after'`
   */
  readonly when?: 'before' | 'after';
  /**
   * Waits for the commit of the TypeORM transaction that the method is called in, and does nothing if that is rolled back; outside a
   * transaction it acts after the method. Known are transactions of `DataSource.transaction` and of what is built on it. Not with
   * `when: 'before'`. @defaultValue as all that is removed in a transaction: it waits
   */
  readonly afterCommit?: boolean;
}

/**
 * Deletes keys and invalidates tags when the method has succeeded; then the caller gets its result.
 *
 * Acts in the cache `default` of the instance's application, on the tenant of the caller. A tier that is away does not fail
 * the call: what it missed is done before it is read again.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` at decoration; the method rejects with `CACHE_KEY_INVALID`,
 * `CACHE_OPTION_INVALID` or `CACHE_CLOSED`, after its work was done.
 *
 * @example
 * class ProductService {
 *   constructor(private readonly rows: Map<string, string>) {}
 *
 *   \@CacheEvict({ keys: (id) => [`product:${id}`], tags: ['catalog'] })
 *   async rename(id: string, name: string): Promise<void> {
 *     this.rows.set(id, name);
 *   }
 * }
 */
export function CacheEvict<Args extends unknown[]>(
  options: NoInfer<CacheEvictOptions<Args>>,
): AsyncMethodDecorator<Args, unknown> {
  return (prototype, method, descriptor) => {
    const target = targetOf('CacheEvict', prototype, method, descriptor);
    const plan = new EvictPlan(target, options);
    replaceMethod(target, descriptor, wrapper(target, plan), plan);
  };
}

function wrapper(target: Target, plan: EvictPlan): (...args: unknown[]) => Promise<unknown> {
  return async function (this: object | undefined, ...args: unknown[]): Promise<unknown> {
    const holder = holderOf(this, target);
    if (plan.before) await plan.run(holder, args);
    const result = await target.original.apply(this, args);
    if (!plan.before) await plan.run(holder, args);
    return result;
  };
}

class EvictPlan implements Decorated {
  readonly scope: EntryScope | undefined;
  readonly before: boolean;
  readonly #keys: AnyFunction | undefined;
  readonly #tags: AnyFunction | readonly string[] | undefined;

  constructor(
    readonly target: Target,
    given: object,
  ) {
    const faults = new Faults();
    const options = new Section(faults, given, '');
    this.#keys = options.optional('keys', KEYS);
    this.#tags = options.optional('tags', TAGS);
    this.before = options.optional('when', WHEN) === 'before';
    if (options.given('keys') === undefined && options.given('tags') === undefined) {
      options.fault('keys', 'left out', 'keys, tags or both');
    }
    // What is removed in a transaction waits for its commit in any case.
    if (options.optional('afterCommit', BOOLEAN) && this.before)
      options.fault('afterCommit', "true beside when: 'before'", 'one of the two');
    this.scope = options.optional('scope', SCOPE);
    options.end();
    faults.throwIfAny(`the options of @CacheEvict on ${target.label}`);
  }

  async run(holder: CacheHolder | undefined, args: unknown[]): Promise<void> {
    if (!holder?.manager) return;
    const cache = cacheOf(holder, holder.manager, this);
    const keys = this.#keys?.(...args) as string | readonly string[] | undefined;
    const tags = typeof this.#tags === 'function' ? this.#tags(...args) : this.#tags;
    const list: readonly string[] = typeof keys === 'string' ? [keys] : (keys ?? []);
    const work: Promise<unknown>[] = list.map((key) => cache.delete(key));
    if (tags !== undefined) work.push(cache.invalidateTags(tags as readonly string[]));
    // Every one of them is tried, even if one is refused.
    const failed = (await Promise.allSettled(work)).find(
      (outcome) => outcome.status === 'rejected',
    );
    if (failed) throw failed.reason;
  }
}

const KEYS: Rule<AnyFunction> = {
  read: (value) => {
    if (typeof value === 'function') return value as AnyFunction;
    const templates = (Array.isArray(value) ? (value as unknown[]) : [value]).map(keyTemplate);
    if (templates.length === 0 || templates.includes(undefined)) return undefined;
    return (...args) => templates.map((keyOf) => keyOf!(args));
  },
  allowed: "a function, or one or more keys or templates such as 'product:{0}'",
};

const WHEN: Rule<'before' | 'after'> = {
  read: (value) => (value === 'before' || value === 'after' ? value : undefined),
  allowed: "'before', 'after'",
};
