/** Options of one call: checked, and laid over the defaults. */
import { DURATION_FORM, parseDuration, type Duration } from './duration.js';
import { CacheError } from './errors.js';
import { textFault } from './key.js';

const MAX_TAGS = 16;

/** What a call may say about the entry it reads or writes. */
export interface EntryOptions {
  /** How long the value is fresh. 0 = do not store. @defaultValue `defaults.ttl` */
  readonly ttl?: Duration;
  /** How long it may stand in afterwards while its loader fails. @defaultValue `defaults.grace` */
  readonly grace?: Duration;
  /** Up to 16 group labels for `invalidateTags`. @defaultValue none */
  readonly tags?: readonly string[];
  /** Longest wait for loader and lease together. @defaultValue `defaults.hardTimeout` */
  readonly hardTimeout?: Duration;
}

/** The same, in milliseconds and complete. */
export interface EntryLife {
  readonly ttl: number;
  readonly grace: number;
  readonly tags: readonly string[];
  readonly hardTimeout: number;
}

const KNOWN: ReadonlySet<string> = new Set(['ttl', 'grace', 'tags', 'hardTimeout']);
const NO_TAGS: readonly string[] = Object.freeze([]);

/**
 * @throws CacheError `CACHE_OPTION_INVALID` naming the option and what is allowed.
 */
export function entryLife(
  options: EntryOptions | undefined,
  defaults: Omit<EntryLife, 'tags'>,
): EntryLife {
  if (options === undefined) return { ...defaults, tags: NO_TAGS };
  if (typeof options !== 'object' || options === null)
    throw invalid('options', 'must be an object');
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw invalid(name, `is unknown; known are ${[...KNOWN].join(', ')}`);
  }
  return {
    ttl: duration('ttl', options.ttl, defaults.ttl),
    grace: duration('grace', options.grace, defaults.grace),
    hardTimeout: duration('hardTimeout', options.hardTimeout, defaults.hardTimeout),
    tags: options.tags === undefined ? NO_TAGS : checkTags(options.tags),
  };
}

/** The tags, each once; throws `CACHE_OPTION_INVALID` on a wrong one or on more than 16. */
export function checkTags(tags: unknown, most = MAX_TAGS): readonly string[] {
  if (!Array.isArray(tags)) throw invalid('tags', 'must be a list of strings');
  const distinct = [...new Set<unknown>(tags)];
  if (distinct.length > most)
    throw invalid('tags', `has ${distinct.length} entries; at most ${most} are allowed`);
  for (const tag of distinct) {
    const fault = textFault(tag);
    if (fault) throw invalid('tags', `holds a tag that ${fault}`);
  }
  return Object.freeze(distinct as string[]);
}

function duration(name: string, given: unknown, fallback: number): number {
  if (given === undefined) return fallback;
  const ms = parseDuration(given);
  if (ms === undefined) throw invalid(name, `is ${show(given)}; allowed: ${DURATION_FORM}`);
  return ms;
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? `'${value.slice(0, 40)}'`
    : typeof value === 'number'
      ? String(value)
      : typeof value;
}

function invalid(name: string, what: string): CacheError {
  return new CacheError('CACHE_OPTION_INVALID', `${name} ${what}`);
}
