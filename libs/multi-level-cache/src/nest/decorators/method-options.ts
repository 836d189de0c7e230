/** Types and rules that the decorators' options share. */
import { DURATION_FORM, parseDuration, type Duration } from '../../core/duration.js';
import { checkTags } from '../../core/entry-options.js';
import { isCacheError } from '../../core/errors.js';
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

export const DURATION_OR_FUNCTION: Rule<Duration | AnyFunction> = {
  read: (value) =>
    isFunction(value) || parseDuration(value) !== undefined ? (value as Duration) : undefined,
  allowed: `${DURATION_FORM}, or a function that returns such`,
};

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
