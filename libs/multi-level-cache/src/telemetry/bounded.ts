/** Keeps values that may come from data from making series without end. */
import { MAX_CACHES, MAX_ERRORS, OTHER_CACHES, OTHER_ERRORS } from './names.js';

/** The first so many values keep their names, the rest share one. */
export class Bounded {
  readonly #known = new Set<string>();

  constructor(
    readonly most: number,
    readonly other: string,
  ) {}

  name(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.most) return this.other;
    this.#known.add(value);
    return value;
  }
}

export function boundedCaches(): Bounded {
  return new Bounded(MAX_CACHES, OTHER_CACHES);
}

export function boundedErrors(): Bounded {
  return new Bounded(MAX_ERRORS, OTHER_ERRORS);
}

/** What an error is called: the code of the library's own, else its class. Its message may hold anything. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('CACHE_') ? code : error.constructor.name;
}
