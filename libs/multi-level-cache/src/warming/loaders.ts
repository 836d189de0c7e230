/** Who can load keys of a pattern without a caller. Pure: how it is found out is the application's part. */
import { CacheError } from '../core/errors.js';

/** Loads one key; `args` are what stands in the places of the pattern. */
export type PatternLoader = (args: readonly string[], signal: AbortSignal) => Promise<unknown>;

export interface KeyLoader {
  readonly run: PatternLoader;
  /** It stores what it loads by itself. */
  readonly stores: boolean;
}

interface Entry extends KeyLoader {
  readonly pattern: string;
  readonly cache: string;
  readonly matches: RegExp;
}

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

export class Loaders {
  readonly #entries: Entry[] = [];

  /** @throws CacheError `CACHE_CONFIG_INVALID` where the pattern is taken. */
  add(pattern: string, cache: string, loader: KeyLoader): void {
    const matches = patternExpression(pattern);
    if (!matches || this.#entries.some((one) => one.pattern === pattern && one.cache === cache))
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        `@CacheLoader('${pattern}') is declared twice, or is no pattern such as 'user:{id}'`,
      );
    this.#entries.push({ ...loader, pattern, cache, matches });
  }

  /** Who loads this key, and with which arguments. */
  find(cache: string, key: string): (KeyLoader & { readonly args: readonly string[] }) | undefined {
    for (const entry of this.#entries) {
      const match = entry.cache === cache ? entry.matches.exec(key) : null;
      if (match) return { run: entry.run, stores: entry.stores, args: match.slice(1) };
    }
    return undefined;
  }
}
