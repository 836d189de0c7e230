/** Types and rules that the decorators' options share. */
import { DURATION_FORM, parseDuration, type Duration } from '../../core/duration.js';
import {
  checkTags,
  type EntryOptions,
  type TierTtl,
  type TypeList,
} from '../../core/entry-options.js';
import { isCacheError } from '../../core/errors.js';
import type { EntryScope } from '../../core/security.js';
import type { Rule } from '../faults.js';

/** A method a decorator may stand on: it returns a promise. */
export type AsyncMethod<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;

/**
 * A decorator for asynchronous instance methods: on synchronous and on static ones it does not compile.
 * The names of a class's own arguments and result are inferred from the method it stands on.
 */
export type AsyncMethodDecorator<Args extends unknown[], Result> = (
  target: object & { readonly prototype?: never },
  name: string | symbol,
  descriptor: { value?: AsyncMethod<Args, Result> },
) => void;

/** Any function of a user's, called with what its type says. */
export type AnyFunction = (...args: unknown[]) => unknown;

const isFunction = (value: unknown): value is AnyFunction => typeof value === 'function';

export const FUNCTION: Rule<AnyFunction> = {
  read: (value) => (isFunction(value) ? value : undefined),
  allowed: 'a function',
};

/** How long a result is fresh. */
export type Ttl = Duration | TierTtl;

export const TTL_OR_FUNCTION: Rule<Ttl | AnyFunction> = {
  read: (value) =>
    isFunction(value) || parseDuration(value) !== undefined || isTierTtl(value)
      ? (value as Ttl)
      : undefined,
  allowed: `${DURATION_FORM}, such by tier as in { l1, l2, l3 }, or a function that returns such`,
};

export const TYPES: Rule<TypeList> = {
  read: (value) => (isFunction(value) ? (value as TypeList) : undefined),
  allowed: 'a function that returns a class or a list of classes',
};

function isTierTtl(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(
    ([name, ttl]) => /^l[123]$/.test(name) && parseDuration(ttl) !== undefined,
  );
}

/** Whose the entries of a decorated method are. */
export interface Scoped {
  /**
   * Everybody's (`'public'`), one tenant's, or one user's (`'user'`). Required where `security.tenancy` is on.
   * @defaultValue the tenant's, or everybody's where the caller has none
   */
  readonly scope?: EntryScope;
}

/** Options of a result that need no result to be known. */
export type FixedOptions = Pick<
  EntryOptions,
  'grace' | 'timeout' | 'hardTimeout' | 'negativeTtl' | 'jitter' | 'refreshAhead' | 'type'
>;

/** Leaves out what was not given, so that the cache's defaults hold. */
export function defined(options: EntryOptions): EntryOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

export const TAGS: Rule<readonly string[] | AnyFunction> = {
  read: (value) => (isFunction(value) ? value : listOfTags(value)),
  allowed: 'up to 16 texts, or a function that returns such',
};

function listOfTags(value: unknown): readonly string[] | undefined {
  try {
    return checkTags(value);
  } catch (error) {
    if (isCacheError(error, 'CACHE_OPTION_INVALID')) return undefined;
    throw error;
  }
}
