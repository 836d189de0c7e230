/** The loaders that run: how many at most, and which are left alone for a while because they failed. */
import type { Clock } from '../core/clock.js';
import { STALL_MS } from '../core/deadline.js';
import { isStrong } from '../core/entry-options.js';
import { CacheError } from '../core/errors.js';
import { Line, Place } from '../core/line.js';
import type { Tracer } from '../core/tracing.js';
import { FailedLoads } from './failed-loads.js';
import { runLoader, type Loaded } from './load.js';
import type { Parts } from './parts.js';
import { shedError, type Flight } from './single-flight.js';

/** Loaders that may run at a time. */
const MOST = 100_000;
/** The same while one of them has been running for so long, ms: more would only wait for an origin that is in trouble already. */
const MOST_BEHIND_SLOW = 10_000;
const SLOW_MS = 1_000;
/** Between two looks for the slow one, at least, ms. */
const WATCH_MS = 100;

export class Loading {
  readonly #failed: FailedLoads;
  readonly #running: RunningLoads;

  constructor(readonly parts: Parts) {
    this.#failed = new FailedLoads(parts.clock, parts.random);
    this.#running = new RunningLoads(parts.clock);
  }

  /** Whether the loader of this flight rests where something can stand in. */
  rests({ address, kind, life }: Flight): boolean {
    return !kind.force && !kind.alone && !isStrong(life) && this.#failed.rests(address);
  }

  /**
   * Runs the loader of a flight; its error is thrown as it was.
   *
   * @throws CacheError `CACHE_LOAD_SHED`
   */
  async run(flight: Flight): Promise<Loaded> {
    const { address } = flight;
    const place = this.#begin(flight);
    try {
      const { tracer } = this.parts.tracing;
      const loaded = await (tracer ? this.#traced(flight, tracer) : runLoader(flight, this.parts));
      this.#failed.loaded(address);
      return loaded;
    } catch (error) {
      // Nobody waits for it any more: that is no failure, or one that has been noted.
      if (!flight.aborted) this.#note(flight, false);
      throw error;
    } finally {
      if (place) this.#running.end(place);
    }
  }

  /** It has not answered in time. */
  late(flight: Flight): void {
    const { events } = this.parts;
    const { address, life } = flight;
    if (events.has('late'))
      events.emit('late', { cache: address.scope.cache, afterMs: life.hardTimeout });
    this.#note(flight, true);
  }

  /** What nobody waits for has a trace of its own. */
  #traced(flight: Flight, tracer: Tracer): Promise<Loaded> {
    const work = (): Promise<Loaded> => runLoader(flight, this.parts);
    const { address, kind, stale } = flight;
    const eager = kind.refresh && !kind.warm;
    const trigger = kind.warm ? 'warm' : eager ? 'eager' : stale ? 'stale' : 'miss';
    const facts = { cache: address.scope.cache, trigger } as const;
    return eager ? tracer.apart('load', facts, work) : tracer.inside('load', facts, work);
  }

  /** Without anything to stand in it is tried again each time. */
  #note({ address, kind, stale }: Flight, late: boolean): void {
    if (stale && !kind.alone) this.#failed.failed(address, late);
  }

  /** The call of many keys and the load outside of the cache cost no loader here. */
  #begin(flight: Flight): Running | undefined {
    this.#assertQuota(flight);
    if (flight.kind.bulk || flight.kind.alone) return undefined;
    if (!this.#running.admits) throw shedError(this.#running.size);
    const place = this.#running.begin();
    // A loader that never ends is not waited for either.
    flight.onExpire(() => this.#running.end(place));
    return place;
  }

  /** Many keys of one call are one load. */
  #assertQuota({ address: { scope }, kind }: Flight): void {
    const { loadQuota } = this.parts;
    if (!loadQuota || scope.tenant === 'p' || kind.bulk?.admitted) return;
    if (!loadQuota.take(scope.tenant))
      throw new CacheError(
        'CACHE_LOAD_SHED',
        `the tenant has begun ${loadQuota.perSecond} loads within a second, as many as its quota, and there is no stale value to stand in; try again later`,
      );
    if (kind.bulk) kind.bulk.admitted = true;
  }
}

class Running extends Place {
  constructor(readonly since: number) {
    super();
  }
}

/**
 * Loaders that run and are waited for. Whether one is slow is found out by a timer: in a process that is busy with a crowd of
 * quick loads no time passes for the origin, and all that it has answered is heard before a timer runs.
 */
class RunningLoads {
  /** When each began, the oldest first. */
  readonly #since = new Line<Running>();
  #slow: Running | undefined;
  #watched = false;

  constructor(readonly clock: Clock) {}

  get size(): number {
    return this.#since.size;
  }

  /** There is room for one more. */
  get admits(): boolean {
    if (this.size >= MOST) return false;
    return this.size < MOST_BEHIND_SLOW || !this.#slow?.isTaken;
  }

  begin(): Running {
    const place = this.#since.enter(new Running(this.clock.now()));
    if (this.size >= MOST_BEHIND_SLOW && !this.#watched) this.#watch(SLOW_MS);
    return place;
  }

  /** Also where it has ended. */
  end(place: Running): void {
    this.#since.leave(place);
  }

  #watch(ms: number, postponed = false): void {
    this.#watched = true;
    const due = this.clock.now() + ms;
    this.clock.after(ms, () => {
      this.#watched = false;
      const now = this.clock.now();
      // The process itself was late: what has come meanwhile is heard first.
      if (now - due > STALL_MS && !postponed) return this.#watch(1, true);
      const oldest = this.#since.first;
      if (!oldest || this.size < MOST_BEHIND_SLOW) return;
      if (now - oldest.since >= SLOW_MS) this.#slow = oldest;
      this.#watch(Math.max(oldest.since + SLOW_MS - now, WATCH_MS));
    });
  }
}
