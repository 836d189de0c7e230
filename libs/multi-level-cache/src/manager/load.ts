/** The loader's turn: runs it, tells it what is known, hears what it says of its result, and how long it took. */
import type { Clock } from '../core/clock.js';
import { createEntry, handOut, type Entry, type Isolation, type Life } from '../core/entry.js';
import { loadedLife, type EntryLife } from '../core/entry-options.js';
import type { EventHub } from '../core/events.js';
import { CacheError } from '../core/errors.js';
import type { ContextStore } from '../security/context.js';
import type { Gate } from '../security/gate.js';
import { Reads, scopeOf } from '../security/identity-reads.js';
import type { LoaderContext, StaleValue } from './cache-manager.js';
import type { Closing } from './closing.js';
import type { LoadTallies } from './load-tally.js';
import type { Flight } from './single-flight.js';

/** What a loader made; no entry = it returned `undefined`. */
export interface Loaded {
  readonly entry: Entry | undefined;
  /** The loader or its options asked for it not to be kept. */
  readonly store: boolean;
  /** It was made of the identity of whoever loaded it, and is for nobody else. */
  readonly own?: boolean;
}

export interface LoadTools {
  readonly clock: Clock;
  readonly closing: Closing;
  readonly events: EventHub;
  readonly loads: LoadTallies;
  readonly random: () => number;
  readonly isolation: Isolation;
  readonly context: ContextStore;
  readonly gate: Gate;
}

/** A value that is returned and not kept. */
class Skipped {
  constructor(readonly value: unknown) {}
}

const NOT_MODIFIED = Symbol('not modified');

/** Runs the loader of a flight; its error is thrown as it was. */
export async function runLoader(flight: Flight, tools: LoadTools): Promise<Loaded> {
  const { clock, loads } = tools;
  const before = clock.now();
  loads.active++;
  let life = flight.life;
  // What stood there when the loader began is what it may call "not modified".
  const { stale } = flight;
  const context = new Context(flight, stale, before, (options) => {
    life = loadedLife(options, life);
  });
  let value: unknown;
  try {
    const made = called(flight, context, tools);
    value = await tools.closing.orGiveUp(made, (reason) => flight.expire(reason));
    if (value === NOT_MODIFIED && !stale)
      throw new Error('notModified() was returned, but there is no stale value to keep');
  } catch (error) {
    tell(flight, tools, clock.now() - before, { error });
    throw error;
  } finally {
    loads.active--;
  }
  const own = readsTooMuch(flight, tools);
  const now = clock.now();
  tell(flight, tools, now - before);
  const store = !(value instanceof Skipped) && !own;
  if (value instanceof Skipped) ({ value } = value);
  if (value === undefined) return { entry: undefined, store: false, own };
  const again = value === NOT_MODIFIED ? stale : undefined;
  const { scope } = flight.address;
  const tags = again && life.tags.length === 0 ? again.tags : scope.tagged(life.tags);
  const final = settled(life, again ? again.value : value, tags, tools.random);
  const entry = again
    ? { ...renewed(again, final, now), loadMs: now - before }
    : createEntry(value, final, now, now - before, false, tools.isolation);
  return { entry, store: store && final.ttl > 0, own };
}

/** Runs the loader; where tenants are told apart, what it reads of the identity is written down. */
function called(flight: Flight, context: LoaderContext, { context: identity }: LoadTools): unknown {
  const load = (): unknown => flight.loader(flight.address.key, context);
  if (identity.tenancy === 'off') return load();
  // The loader of many keys runs once, and what it reads is in each of its values.
  flight.reads = flight.kind.bulk?.reads ?? new Reads();
  return identity.reading(flight.reads, load);
}

/**
 * Whether the value was made of an identity that is narrower than its entry.
 *
 * @throws CacheError `CACHE_SCOPE_VIOLATION`, but in production: there it is not kept, and counted
 */
function readsTooMuch({ address, life, reads }: Flight, { gate }: LoadTools): boolean {
  const name = reads?.narrowerThan(life.scope);
  if (name === undefined) return false;
  const { key, scope } = address;
  const error = new CacheError(
    'CACHE_SCOPE_VIOLATION',
    `a loader of the cache ${scope.cache} has read ${name} of its caller, and its entries are of scope '${life.scope}'; make it '${scopeOf(name)}', or load without ${name}`,
  );
  gate.refused(error, { action: 'read', cache: scope.cache, key });
  if (process.env['NODE_ENV'] !== 'production') throw error;
  return true;
}

/** The life of this value: `null` may have its own, and a share of it is cut off at random. */
export function settled(
  { caps, etag, grace, jitter, negativeTtl, ttl, types }: EntryLife,
  value: unknown,
  tags: readonly string[],
  random: () => number,
): Life {
  const whole = value === null && negativeTtl !== undefined ? negativeTtl : ttl;
  return { ttl: whole * (1 - jitter * random()), grace, tags, caps, etag, types };
}

/**
 * The same entry with the moment at which a hit is to reload it: after the given share of its life, or earlier where the load
 * takes long. How much earlier is drawn anew in each process, so that mostly one of them reloads and the others find it done
 * (XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015, with beta = 1).
 */
export function withRefresh(
  entry: Entry,
  { refreshAhead }: EntryLife,
  random: () => number,
): Entry {
  if (refreshAhead === 0) return entry;
  const share = entry.createdAt + refreshAhead * (entry.freshUntil - entry.createdAt);
  const early = entry.freshUntil + entry.loadMs * Math.log(1 - random());
  return { ...entry, refreshAt: Math.min(share, early) };
}

function renewed(stale: Entry, life: Life, now: number): Entry {
  const freshUntil = now + life.ttl;
  return {
    ...stale,
    tags: life.tags,
    etag: life.etag ?? stale.etag,
    caps: life.caps,
    createdAt: now,
    freshUntil,
    staleUntil: freshUntil + life.grace,
  };
}

const skip = <T>(value: T): T => new Skipped(value) as T;
const notModified = <T>(): T => NOT_MODIFIED as T;
const fail = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

/** A class, for a getter of a literal costs a load more than its loader's call. */
class Context implements LoaderContext {
  readonly stale: StaleValue | undefined;
  readonly skip = skip;
  readonly notModified = notModified;
  readonly fail = fail;
  readonly #flight: Flight;

  constructor(
    flight: Flight,
    stale: Entry | undefined,
    now: number,
    readonly setOptions: LoaderContext['setOptions'],
  ) {
    this.#flight = flight;
    this.stale = stale && {
      value: handOut(stale),
      ageMs: now - stale.createdAt,
      ...(stale.etag === undefined ? {} : { etag: stale.etag }),
    };
  }

  get signal(): AbortSignal {
    return this.#flight.signal;
  }
}

function tell(
  { address: { scope, key } }: Flight,
  { events, loads }: LoadTools,
  durationMs: number,
  failure?: { error: unknown },
): void {
  loads.ended(scope.cache, durationMs, failure !== undefined);
  if (events.has('load')) events.emit('load', { cache: scope.cache, key, durationMs, ...failure });
}
