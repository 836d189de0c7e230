/** One part of a tier that may be slow or gone by itself: whether it is asked, how long it is waited for, and how many wait. */
import type { Clock } from '../core/clock.js';
import { isCacheError } from '../core/errors.js';
import type { Address } from '../core/key.js';
import type { Tier, TierRead, Trouble } from '../core/tier.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { Deadline } from '../core/deadline.js';
import type { Latencies } from '../core/latency.js';

/** Callers that may wait for one part; more pass it by. What they ask goes out in a few bulk calls. */
const MOST_WAITING = 10_000;

/** Of one read in so many it is measured how long the answer takes; the others cost nothing for that. */
const MEASURED = 16;

const SLOW: Trouble = { reason: 'too slow to be asked' };
const FAILING: Trouble = { reason: 'failing' };

export interface PartOptions {
  readonly clock: Clock;
  readonly budget: number;
  readonly random: () => number;
  /** Of the whole tier. */
  readonly latencies: Latencies;
  /** It is well no more, or again. */
  readonly onChange: (ill: boolean) => void;
}

/** Reads that were measured, and how long their answers took together. */
export interface Latency {
  readonly samples: number;
  readonly totalMs: number;
}

export class TierPart {
  /** Ill = nothing of it is asked, until a read of a key that failed is answered in time; no caller waits for that one. */
  readonly reads: CircuitBreaker;
  /** Ill = it is not filled, until one fill on trial succeeds. */
  readonly fills: CircuitBreaker;
  readonly deadline: Deadline;
  #failed: Address | undefined;
  #reads = 0;
  #samples = 0;
  #totalMs = 0;
  readonly #latencies: Latencies;

  constructor(
    readonly tier: Tier,
    { clock, budget, latencies, random, onChange }: PartOptions,
  ) {
    this.#latencies = latencies;
    this.deadline = new Deadline(clock, budget, tier.name);
    const probe = (): Promise<TierRead> =>
      this.deadline.race((async () => tier.read(this.#failed!))());
    this.reads = new CircuitBreaker({ clock, random, probe, onChange });
    this.fills = new CircuitBreaker({ clock, random, onChange });
  }

  /** It is read. */
  get answers(): boolean {
    return !this.reads.open && this.deadline.pending < MOST_WAITING;
  }

  /** Why it is not read or not filled, if so. */
  get trouble(): Trouble | undefined {
    const { fills, reads } = this;
    if (reads.open) return reads.cause;
    return fills.cause && { ...fills.cause, reason: `not filled: ${fills.cause.reason}` };
  }

  /** A read or a fill failed; a store that is known to be away says so by itself. */
  failed(breaker: CircuitBreaker, call: number, address: Address, error: unknown): void {
    if (this.tier.status().state === 'down') return;
    this.#failed = address;
    const trouble = isCacheError(error, 'CACHE_TIER_TIMEOUT')
      ? SLOW
      : (this.tier.troubleOf?.(error) ?? FAILING);
    breaker.ended(call, trouble);
  }

  /** A read is waited for from now on: when that began, where it is its turn to be measured, else 0. */
  waits(): number {
    this.#reads = (this.#reads + 1) % MEASURED;
    return this.#reads === 0 ? this.deadline.clock.now() : 0;
  }

  /** A read that was to be measured has been answered. */
  waited(began: number): void {
    const now = this.deadline.clock.now();
    this.#samples++;
    this.#totalMs += now - began;
    this.#latencies.record(now - began, now);
  }

  /** What was measured since the last time. */
  takeLatency(): Latency {
    const taken = { samples: this.#samples, totalMs: this.#totalMs };
    this.#samples = this.#totalMs = 0;
    return taken;
  }

  /** What is not asked is tried now: a read, for which this waits, and the next fill. */
  async tryNow(): Promise<void> {
    await Promise.all([this.reads.tryNow(), this.fills.tryNow()]);
  }

  stop(): void {
    this.reads.stop();
    this.fills.stop();
  }
}
