/** `@CacheLoader`: names who can load the keys of a pattern when nobody asks for them. */
import { CacheError } from '../../core/errors.js';
import { patternExpression } from '../../manager/warm-calls.js';
import type { AsyncMethodDecorator } from './method-options.js';
import { targetOf } from './wrap-method.js';

/** One declared loader. */
export interface DeclaredLoader {
  readonly pattern: string;
  readonly cache: string;
  readonly method: string | symbol;
}

const declared = new WeakMap<object, DeclaredLoader[]>();

/** Options of {@link CacheLoader}. */
export interface CacheLoaderOptions {
  /** The named cache the keys live in. @defaultValue `'default'` */
  readonly cache?: string;
}

/**
 * The method loads keys such as `user:{id}`, for warming and `CacheManager.warm`; it gets what stands in the places, as
 * texts. On a method with `@Cached` the result is stored by that, with its tags; on any other it is stored under the key.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` at decoration on a wrong pattern, at boot on one that is declared twice.
 *
 * @example
 * class Users {
 *   \@CacheLoader('user:{id}')
 *   \@Cached({ key: 'user:{0}', tags: (_user, id) => [`user:${id}`] })
 *   async find(id: string): Promise<{ id: string }> {
 *     return { id };
 *   }
 * }
 */
export function CacheLoader(
  pattern: string,
  { cache = 'default' }: CacheLoaderOptions = {},
): AsyncMethodDecorator<string[], unknown> {
  return (prototype, method, descriptor) => {
    const { label } = targetOf('CacheLoader', prototype, method, descriptor);
    if (!patternExpression(pattern))
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        `@CacheLoader on ${label} needs a pattern such as 'user:{id}', with text between its places`,
      );
    const list = declared.get(prototype);
    if (list) list.push({ pattern, cache, method });
    else declared.set(prototype, [{ pattern, cache, method }]);
  };
}

/** Loaders declared on a class and those above it. */
export function loadersOf(instance: object): readonly DeclaredLoader[] {
  const found: DeclaredLoader[] = [];
  for (
    let at: object | null = instance;
    at !== null;
    at = Object.getPrototypeOf(at) as object | null
  )
    found.push(...(declared.get(at) ?? []));
  return found;
}
