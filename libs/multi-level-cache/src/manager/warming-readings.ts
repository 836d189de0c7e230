/** What one application's warming is throttled by, measured once a tick: it judges nothing, and asks no store. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { readHeap, type Heap } from '../tiers/memory/pressure.js';
import type { Readings } from '../warming/throttle.js';
import type { TierGuard } from './tier-guard.js';

/** How often Node looks at its loop, ms; that long between two looks is no delay, but is counted as one (Node 20 to 24). */
const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;

/** Answers there must be in a tick; of one in sixteen it is known how long it took. */
const LEAST_SAMPLES = 5;
/** How much of it the baseline may rise in a tick: what stays slow is usual after a while, and not before. */
const RISE = 1.05;
/** Below that a multiple says more about this process than about the store. */
const LEAST_MS = 0.5;

/** Requests there must be in a tick. */
const LEAST_REQUESTS = 50;
/** Weight of the last tick in what is usual. */
const WEIGHT = 0.1;
/** So many misses of a tick are always usual: of fewer, chance alone makes several times as many. */
const LEAST_MISSES = 2;

/** What is known of the event loop. */
export interface LoopSource {
  /** Since the last time. */
  take(): Pick<Readings, 'loopDelayMs' | 'loopUtilisation'>;
  close(): void;
}

export interface ReadingSources {
  /** `null` = off. */
  readonly l2: TierGuard | null;
  readonly l3: TierGuard | null;
  /** @defaultValue the heap of this process */
  readonly heap?: () => Heap;
  /** @defaultValue the loop of this process */
  readonly loop?: LoopSource;
}

/** What happened since the last tick. */
export interface TickCounts {
  /** Warm loads, and how many of them failed. */
  readonly loads: number;
  readonly errors: number;
  /** Of callers, and how many of them found nothing. */
  readonly requests: number;
  readonly misses: number;
}

/**
 * The figures a `Throttle` judges, since the last tick. What there was too little of to be measured is left out.
 *
 * @example
 * const readings = new WarmingReadings({ l2, l3 });
 * throttle.tick(readings.take({ loads: 12, errors: 0, requests: 4_000, misses: 80 }));
 */
export class WarmingReadings {
  readonly #sources: ReadingSources;
  readonly #heap: () => Heap;
  readonly #loop: LoopSource;
  readonly #latency = new LatencyBaseline();
  readonly #misses = new MissBaseline();

  constructor(sources: ReadingSources) {
    this.#sources = sources;
    this.#heap = sources.heap ?? readHeap;
    this.#loop = sources.loop ?? new EventLoop();
  }

  /** To be called once a tick. */
  take({ loads, errors, requests, misses }: TickCounts): Readings {
    const { l2, l3 } = this.#sources;
    const { used, limit } = this.#heap();
    const pool = l3?.tier.pressure?.();
    return {
      ...this.#loop.take(),
      heap: used / limit,
      l2Latency: l2 ? this.#latency.times(l2) : undefined,
      l2Open: l2?.parts.away,
      l3Open: l3?.parts.away,
      poolWaiting: pool?.waiting,
      poolIdle: pool?.idle,
      loadErrors: loads > 0 ? errors / loads : undefined,
      missRate: this.#misses.times(requests, misses),
    };
  }

  /** Measures nothing any more. */
  close(): void {
    this.#loop.close();
  }
}

/**
 * The loop of this process; keeps no process alive. Node counts from its second look after a reset on: what the work of the tick
 * itself holds up is seen in the utilisation only.
 */
export class EventLoop implements LoopSource {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #last = performance.eventLoopUtilization();

  constructor() {
    this.#delay.enable();
  }

  take(): Pick<Readings, 'loopDelayMs' | 'loopUtilisation'> {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    const loopDelayMs = this.#late();
    this.#delay.reset();
    return { loopDelayMs, loopUtilisation: utilization };
  }

  close(): void {
    this.#delay.disable();
    this.#delay.reset();
  }

  #late(): number | undefined {
    if (this.#delay.count === 0) return undefined;
    return Math.max(this.#delay.percentile(99) / NS_PER_MS - RESOLUTION_MS, 0);
  }
}

/** What a store takes when it is well: nearly the least it has taken lately. */
class LatencyBaseline {
  #ms: number | undefined;

  times(guard: TierGuard): number | undefined {
    const { samples, totalMs } = guard.parts.takeLatency();
    if (samples < LEAST_SAMPLES) return undefined;
    const now = Math.max(totalMs / samples, LEAST_MS);
    const usual = this.#ms ?? now;
    this.#ms = Math.min(now, usual * RISE);
    return now / usual;
  }
}

/** How many requests find nothing usually. */
class MissBaseline {
  #share: number | undefined;

  times(requests: number, misses: number): number | undefined {
    if (requests < LEAST_REQUESTS) return undefined;
    const now = misses / requests;
    const usual = this.#share ?? now;
    this.#share = usual + WEIGHT * (now - usual);
    return misses / Math.max(usual * requests, LEAST_MISSES);
  }
}
