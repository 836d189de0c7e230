/** Options of one call: checked, and laid over the defaults. */
import type { TierCaps } from './entry.js';
import { DURATION_FORM, parseDuration, type Duration } from './duration.js';
import { MAX_ETAG_BYTES } from './envelope.js';
import { CacheError } from './errors.js';
import { textFault, type AnyClass } from './key.js';
import type { EntryScope } from './security.js';
import type { TierName } from './tier.js';
import type { ClassMap } from './value.js';

const MAX_TAGS = 16;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Names the classes of which a value may hold instances; a function, so that a class may be declared later. */
export type TypeList = () => AnyClass | readonly AnyClass[];

/** Times to be fresh, tier by tier; what is left out is the longest of those given. */
export interface TierTtl {
  readonly l1?: Duration;
  readonly l2?: Duration;
  readonly l3?: Duration;
}

/**
 * How far a call sees what other instances did. `'eventual'`: memory answers, and follows within the delivery of a message.
 * `'strong'`: the shared tier is asked every time; while it is away the loader is, and nothing is stored. `'local'`: a write
 * is not announced, so that other instances' memory keeps what it has until its ttl.
 */
export type Consistency = 'eventual' | 'strong' | 'local';

/** What a call may say about the entry it reads or writes. */
export interface EntryOptions {
  /** How long the value is fresh, in all tiers or one by one. 0 = do not store. @defaultValue `defaults.ttl` */
  readonly ttl?: Duration | TierTtl;
  /** How long it may stand in afterwards while its loader fails or is late. @defaultValue `defaults.grace` */
  readonly grace?: Duration;
  /** Up to 16 group labels for `invalidateTags`. @defaultValue none */
  readonly tags?: readonly string[];
  /** After this wait a stale value stands in while the load goes on. @defaultValue `defaults.timeout`: off */
  readonly timeout?: Duration;
  /** Longest wait for loader and lease together. @defaultValue `defaults.hardTimeout` */
  readonly hardTimeout?: Duration;
  /** `ttl` of `null`. @defaultValue `ttl` */
  readonly negativeTtl?: Duration;
  /** Up to this share of `ttl` is cut off at random, so that entries do not end together. @defaultValue `defaults.jitter` */
  readonly jitter?: number;
  /** Share of `ttl` after which a hit reloads in the background; 0 = off. @defaultValue `defaults.refreshAhead` */
  readonly refreshAhead?: number;
  /** Tiers to use, for this call. @defaultValue all that are on */
  readonly tiers?: readonly TierName[];
  /** How far this call sees, or tells, other instances. @defaultValue `defaults.consistency`: `'eventual'` */
  readonly consistency?: Consistency;
  /** Load although a fresh value is there; callers of the same key meanwhile share the load. @defaultValue false */
  readonly forceFresh?: boolean;
  /** Classes whose instances the value may hold; they come back as such from every tier. @defaultValue none */
  readonly type?: TypeList;
  /** The caller leaves with `signal.reason`; the load goes on for others, and is aborted when nobody waits. */
  readonly signal?: AbortSignal;
}

/** The part of them that belongs to a value and not to the wait for it. */
export type LifeOptions = Pick<
  EntryOptions,
  'ttl' | 'grace' | 'tags' | 'negativeTtl' | 'jitter' | 'refreshAhead'
> & {
  /** What the loader may compare at its source the next time; it finds it in `context.stale`. */
  readonly etag?: string;
};

/** The same, in milliseconds and complete. */
export interface EntryLife {
  readonly ttl: number;
  readonly caps: TierCaps | undefined;
  readonly grace: number;
  readonly tags: readonly string[];
  readonly timeout: number | undefined;
  readonly hardTimeout: number;
  readonly negativeTtl: number | undefined;
  readonly jitter: number;
  readonly refreshAhead: number;
  readonly tiers: readonly TierName[] | undefined;
  readonly consistency: Consistency;
  readonly forceFresh: boolean;
  readonly signal: AbortSignal | undefined;
  readonly etag: string | undefined;
  readonly types: ClassMap | undefined;
  /** Whose entries the call means. */
  readonly scope: EntryScope;
}

/** Whether only the shared tier may answer. */
export function isStrong({ consistency }: EntryLife): boolean {
  return consistency === 'strong';
}

/** What a cache says for calls that say nothing. */
export type EntryDefaults = Pick<
  EntryLife,
  'ttl' | 'grace' | 'timeout' | 'hardTimeout' | 'negativeTtl' | 'jitter' | 'refreshAhead'
> & { readonly consistency?: Consistency | undefined };

/** Options of a verb that only reads. */
export type ReadOptions = Pick<EntryOptions, 'tiers' | 'signal' | 'hardTimeout' | 'consistency'>;

type Name = keyof EntryOptions | 'etag';
type Reader = (value: unknown, name: string) => unknown;
const ALL: readonly Name[] = [
  'ttl',
  'grace',
  'tags',
  'timeout',
  'hardTimeout',
  'negativeTtl',
  'jitter',
  'refreshAhead',
  'tiers',
  'consistency',
  'forceFresh',
  'signal',
  'type',
];
const OF_LOADERS: readonly Name[] = [
  'ttl',
  'grace',
  'tags',
  'negativeTtl',
  'jitter',
  'refreshAhead',
  'etag',
];
const OF_WRITES: readonly Name[] = [
  'ttl',
  'grace',
  'tags',
  'negativeTtl',
  'jitter',
  'tiers',
  'consistency',
  'type',
];
const OF_READS: readonly Name[] = ['tiers', 'signal', 'hardTimeout', 'consistency'];
const TIERS: readonly string[] = ['l1', 'l2', 'l3'];
const CONSISTENCIES: readonly Consistency[] = ['eventual', 'strong', 'local'];
const NO_TAGS: readonly string[] = Object.freeze([]);

/** The life that `defaults` alone give. */
export function defaultLife(defaults: EntryDefaults): EntryLife {
  return Object.freeze({
    caps: undefined,
    tags: NO_TAGS,
    tiers: undefined,
    forceFresh: false,
    signal: undefined,
    etag: undefined,
    types: undefined,
    scope: 'tenant' as const,
    ...defaults,
    consistency: defaults.consistency ?? 'eventual',
  });
}

/**
 * Options of a call over what holds without them.
 *
 * @throws CacheError `CACHE_OPTION_INVALID` naming the option and what is allowed.
 */
export function entryLife(options: EntryOptions | undefined, base: EntryLife): EntryLife {
  return options === undefined ? base : { ...base, ...read(options, ALL, base) };
}

/** Options of a write; those of loads and waits are refused. */
export function writeLife(options: EntryOptions | undefined, base: EntryLife): EntryLife {
  return options === undefined ? base : { ...base, ...read(options, OF_WRITES, base) };
}

/** What a loader says of its result, over what its caller said. */
export function loadedLife(options: LifeOptions, base: EntryLife): EntryLife {
  return { ...base, ...read(options, OF_LOADERS, base) };
}

/** Options of a verb that only reads. */
export function readLife(options: ReadOptions | undefined, base: EntryLife): EntryLife {
  return options === undefined ? base : { ...base, ...read(options, OF_READS, base) };
}

function read(given: unknown, known: readonly Name[], base: EntryLife): Partial<EntryLife> {
  if (typeof given !== 'object' || given === null) throw invalid('options', 'must be an object');
  const options = given as Partial<Record<Name, unknown>>;
  const life: { -readonly [K in keyof EntryLife]?: EntryLife[K] } = {};
  for (const name of Object.keys(options) as Name[]) {
    if (!known.includes(name)) throw invalid(name, `is unknown; known are ${known.join(', ')}`);
    const value = options[name];
    if (value === undefined) continue;
    if (name === 'ttl') Object.assign(life, readTtl(value, base.ttl));
    else Object.assign(life, { [name === 'type' ? 'types' : name]: READERS[name](value, name) });
  }
  return life;
}

const READERS: Readonly<Record<Exclude<Name, 'ttl'>, Reader>> = {
  grace: duration,
  negativeTtl: duration,
  timeout: timer,
  hardTimeout: timer,
  jitter: share,
  refreshAhead: share,
  tags: (value) => checkTags(value),
  tiers: (value) => {
    if (!Array.isArray(value) || value.length === 0 || !value.every((t) => TIERS.includes(t)))
      throw invalid('tiers', `is ${show(value)}; allowed: a list of ${TIERS.join(', ')}`);
    return value;
  },
  consistency: (value) => checkConsistency(value),
  forceFresh: (value) => {
    if (typeof value !== 'boolean')
      throw invalid('forceFresh', `is ${show(value)}; allowed: true, false`);
    return value;
  },
  signal: (value) => {
    if (!(value instanceof AbortSignal))
      throw invalid('signal', `is ${show(value)}; allowed: an AbortSignal`);
    return value;
  },
  type: (value) => {
    if (typeof value !== 'function')
      throw invalid('type', `is ${show(value)}; allowed: a function that returns classes`);
    return classesOf(value as TypeList);
  },
  etag: (value) => {
    if (typeof value !== 'string' || Buffer.byteLength(value) > MAX_ETAG_BYTES)
      throw invalid(
        'etag',
        `is ${show(value)}; allowed: a text of at most ${MAX_ETAG_BYTES} bytes`,
      );
    return value;
  },
};

const known = new WeakMap<TypeList, ClassMap>();

/** The classes by name; asked for once. */
export function classesOf(list: TypeList): ClassMap {
  const found = known.get(list);
  if (found) return found;
  const given: unknown = list();
  const classes = new Map<string, AnyClass>();
  for (const one of Array.isArray(given) ? (given as unknown[]) : [given]) {
    const name = typeof one === 'function' ? one.name : '';
    if (name === '' || (classes.has(name) && classes.get(name) !== one))
      throw invalid('type', 'must return classes, each with a name of its own');
    classes.set(name, one as AnyClass);
  }
  known.set(list, classes);
  return classes;
}

function readTtl(given: unknown, fallback: number): Pick<EntryLife, 'ttl' | 'caps'> {
  if (typeof given !== 'object' || given === null)
    return { ttl: duration(given, 'ttl'), caps: undefined };
  const perTier = given as Record<string, unknown>;
  const unknown = Object.keys(perTier).find((name) => !TIERS.includes(name));
  if (unknown !== undefined)
    throw invalid(`ttl.${unknown.slice(0, 40)}`, `is unknown; known are ${TIERS.join(', ')}`);
  const lives = TIERS.map((name) =>
    perTier[name] === undefined ? undefined : duration(perTier[name], `ttl.${name}`),
  );
  const longest = Math.max(...lives.map((ms) => ms ?? -1));
  const [l1, l2, l3] = lives.map((ms) => ms ?? (longest < 0 ? fallback : longest));
  // The value lives as long as it does anywhere; the tiers above cap it.
  const ttl = Math.max(l1, l2, l3);
  return { ttl, caps: { l1, l2, ...(l3 < ttl ? { l3 } : {}) } };
}

/** Throws `CACHE_OPTION_INVALID` on anything else. */
export function checkConsistency(given: unknown): Consistency {
  if (!CONSISTENCIES.includes(given as Consistency))
    throw invalid('consistency', `is ${show(given)}; allowed: ${CONSISTENCIES.join(', ')}`);
  return given as Consistency;
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

/** Milliseconds of a duration given as option `name`. */
export function duration(given: unknown, name: string): number {
  const ms = parseDuration(given);
  if (ms === undefined) throw invalid(name, `is ${show(given)}; allowed: ${DURATION_FORM}`);
  return ms;
}

function timer(given: unknown, name: string): number {
  const ms = duration(given, name);
  if (ms > LONGEST_TIMER_MS) throw invalid(name, `is ${show(given)}; allowed: at most 24 days`);
  return ms;
}

function share(given: unknown, name: string): number {
  if (typeof given !== 'number' || !(given >= 0 && given <= 1))
    throw invalid(name, `is ${show(given)}; allowed: a number from 0 to 1`);
  return given;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string'
    ? `'${value.slice(0, 40)}'`
    : typeof value === 'number' || value === null || typeof value === 'boolean'
      ? String(value)
      : typeof value;
}

/** The error for an option that is not as it must be. */
export function invalid(name: string, what: string): CacheError {
  return new CacheError('CACHE_OPTION_INVALID', `${name} ${what}`);
}
