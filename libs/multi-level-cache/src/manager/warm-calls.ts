/** Who can load a key when nobody asks for it: loaders declared for a pattern, and methods that were called before. */
import { CacheError } from '../core/errors.js';
import type { EntryOptions } from '../core/entry-options.js';
import { nameOf, type KeyRef } from '../warming/key-ref.js';
import type { Loader } from './cache-manager.js';

/** One load that can be made. */
export interface WarmCall {
  /** Where it is stored; mostly the key that was wanted. */
  readonly key: string;
  readonly loader: Loader<unknown>;
  readonly options?: EntryOptions | undefined;
}

/** The load of a key of a pattern; `args` stand in its places. `undefined` = the method does not want this one cached. */
export type MakeCall = (args: readonly string[], key: string) => WarmCall | undefined;

interface Declared {
  readonly pattern: string;
  readonly cache: string;
  readonly matches: RegExp;
  readonly make: MakeCall;
}

/** A call that was made, and can be made again. */
interface Recorded extends WarmCall {
  readonly ref: KeyRef;
  /** `Class#method` */
  readonly method: string;
}

/** Calls remembered, some hundred bytes each. */
const MAX_RECORDED = 5_000;
const PLACE = /\{[A-Za-z_]\w*\}/;

/** The expression for keys of a pattern such as `user:{id}`; `undefined` if it is none. */
export function patternExpression(pattern: unknown): RegExp | undefined {
  if (typeof pattern !== 'string' || pattern === '') return undefined;
  const literals = pattern.split(PLACE);
  if (literals.length < 2 || literals.slice(1, -1).includes('')) return undefined;
  const escaped = literals.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  // A place ends where the text after it begins; the last one may hold anything.
  const [head, ...rest] = escaped;
  const body = rest.map((text, at) => (at === rest.length - 1 ? `(.+)${text}` : `([^:]+)${text}`));
  return new RegExp(`^${head}${body.join('')}$`, 's');
}

export class WarmCalls {
  readonly #declared: Declared[] = [];
  readonly #recorded = new Map<string, Recorded>();
  /** Methods that may be named, called or not. */
  readonly #methods = new Set<string>();

  constructor(readonly limit = MAX_RECORDED) {}

  /** @throws CacheError `CACHE_CONFIG_INVALID` where the pattern is taken. */
  declare(pattern: string, cache: string, make: MakeCall): void {
    const matches = patternExpression(pattern);
    if (!matches || this.#declared.some((one) => one.pattern === pattern && one.cache === cache))
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        `@CacheLoader('${pattern}') is declared twice, or is no pattern such as 'user:{id}'`,
      );
    this.#declared.push({ pattern, cache, matches, make });
  }

  declareMethod(method: string): void {
    this.#methods.add(method);
  }

  knowsMethod(method: string): boolean {
    return this.#methods.has(method);
  }

  /** A method has loaded this key, and can again; the calls made longest ago are forgotten. */
  record(method: string, ref: KeyRef, call: WarmCall): void {
    const name = nameOf(ref);
    this.#recorded.delete(name);
    this.#recorded.set(name, { ...call, ref, method });
    if (this.#recorded.size > this.limit)
      this.#recorded.delete(this.#recorded.keys().next().value!);
  }

  find(ref: KeyRef): WarmCall | undefined {
    for (const { cache, make, matches } of this.#declared) {
      const match = cache === ref.cache ? matches.exec(ref.key) : null;
      if (match) return make(match.slice(1), ref.key);
    }
    return this.#recorded.get(nameOf(ref));
  }

  can(ref: KeyRef): boolean {
    return (
      this.#recorded.has(nameOf(ref)) ||
      this.#declared.some(({ cache, matches }) => cache === ref.cache && matches.test(ref.key))
    );
  }

  /** Keys that these methods have loaded. */
  keysOf(methods: ReadonlySet<string>): KeyRef[] {
    return [...this.#recorded.values()]
      .filter(({ method }) => methods.has(method))
      .map(({ ref }) => ref);
  }
}
