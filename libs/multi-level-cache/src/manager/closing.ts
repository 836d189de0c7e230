/** How a cache comes to its end: nothing begins any more that nobody waits for, loads get two seconds, what is owed is paid. */
import type { Clock, Timer } from '../core/clock.js';
import { CacheError } from '../core/errors.js';
import { Line, Place } from '../core/line.js';
import type { Background } from './background.js';
import type { TierGuard } from './tier-guard.js';

/** All of it, from when it begins; the last second belongs to the tiers, which end their connections. */
const CLOSE_MS = 5_000;
const TIERS_MS = 1_000;
/** As long as a load may take from then on. */
const LOAD_MS = 2_000;
/** To give back the leases of loads that were given up. */
const RELEASE_MS = 250;
const PAY_AGAIN_MS = 50;

type GiveUp = (reason: CacheError) => void;

class Watched extends Place {
  constructor(readonly giveUp: GiveUp) {
    super();
  }
}

export class Closing {
  readonly #waiting = new Line<Watched>();
  #until = 0;
  #settled: Promise<void> | undefined;
  #late: Timer | undefined;

  constructor(
    readonly clock: Clock,
    readonly background: Background,
  ) {}

  /** No reload and no warming is to begin any more. */
  get begun(): boolean {
    return this.#settled !== undefined;
  }

  /** Calls are served as before. Resolves when what was under way has ended, or after two seconds. */
  begin(): Promise<void> {
    if (this.#settled) return this.#settled;
    this.#until = this.clock.now() + CLOSE_MS - TIERS_MS;
    const before = this.#waiting.all();
    this.#late = this.clock.after(LOAD_MS, () => this.#giveUp(before));
    return (this.#settled = this.background.settle(LOAD_MS + RELEASE_MS));
  }

  /** Nobody calls any more, and the tiers are about to be closed: they get what is still under way, and what they are owed. */
  async end(guards: readonly TierGuard[]): Promise<void> {
    void this.begin();
    const now = this.clock.now();
    const until = Math.max(Math.min(now + LOAD_MS, this.#until - RELEASE_MS), now + RELEASE_MS);
    await this.background.drain(until - now);
    await this.#pay(guards, until);
    this.#late?.cancel();
    this.#giveUp();
    await this.background.drain(RELEASE_MS);
  }

  /** Settles as `work` does, or rejects when it is given up: it may never end, and its lease and its callers have to. */
  orGiveUp<T>(work: T | PromiseLike<T>, onGivenUp: GiveUp): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = this.watch((reason) => {
        reject(reason);
        onGivenUp(reason);
      });
      Promise.resolve(work).then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => {
          end();
          // The loader's own error, as it was thrown.
          reject(error);
        },
      );
    });
  }

  /** Calls `giveUp` when it has taken too long for a cache that closes; the returned function ends that. */
  watch(giveUp: GiveUp): () => void {
    const place = this.#waiting.enter(new Watched(giveUp));
    // What began before shares a timer.
    const timer = this.begun ? this.clock.after(LOAD_MS, () => this.#giveUp([place])) : undefined;
    return () => {
      timer?.cancel();
      this.#waiting.leave(place);
    };
  }

  #giveUp(some = this.#waiting.all()): void {
    const reason = new CacheError('CACHE_LOADER_TIMEOUT', 'no value before the cache closes');
    for (const place of some) if (this.#waiting.leave(place)) place.giveUp(reason);
  }

  /** A tier that is away is not waited for. */
  async #pay(guards: readonly TierGuard[], until: number): Promise<void> {
    const owed = (): TierGuard[] =>
      guards.filter(({ changes, tier }) => changes.size > 0 && tier.status().state !== 'down');
    for (let some = owed(); some.length > 0 && this.clock.now() < until; some = owed()) {
      for (const { changes } of some) changes.pay();
      await new Promise<void>((resolve) => this.clock.after(PAY_AGAIN_MS, resolve));
    }
  }
}
