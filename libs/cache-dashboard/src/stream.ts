/** What everybody watches: one tick a second, made once however many watch, and not at all while nobody does. */
import { AsyncResource } from 'node:async_hooks';
import { Inject, Injectable, type MessageEvent, type OnModuleDestroy } from '@nestjs/common';
import { CacheManager } from 'nestjs-multi-level-cache';
import { concat, defer, Observable, of, share, Subject, takeUntil } from 'rxjs';
import { Feed, type FeedLine } from './feed.js';
import type { ResolvedDashboardOptions } from './options.js';
import { Ring, type Point } from './ring.js';
import { cacheRows, snapshotOf, type CacheRow, type Snapshot } from './snapshot.js';
import { DASHBOARD_OPTIONS } from './tokens.js';

/** What one second said. */
export interface Tick extends Snapshot {
  /** Wall time in ms. */
  readonly at: number;
  readonly point: Point;
  readonly caches: readonly CacheRow[];
  /** Caches that there was no room for: those with least requests. */
  readonly more: number;
  readonly feed: readonly FeedLine[];
}

/** Time, as the stream needs it. */
export interface Pulse {
  now(): number;
  /** Calls again and again until the returned function is called. */
  every(ms: number, run: () => void): () => void;
}

/** Wall time of this process. */
export const SYSTEM_PULSE: Pulse = {
  now: () => Date.now(),
  every(ms, run) {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Injected in place of time by tests. */
export const DASHBOARD_PULSE: unique symbol = Symbol('CACHE_DASHBOARD_PULSE');

export const TICK_MS = 1_000;
export const TICK_BYTES = 4_096;
/** Proxies cut off what is silent for longer. */
const BEAT_TICKS = 15;

@Injectable()
export class DashboardStream implements OnModuleDestroy {
  readonly #ring = new Ring();
  readonly #feed: Feed;
  readonly #closed = new Subject<void>();
  // What runs for everybody runs for nobody: not in the context of whoever was first to watch.
  readonly #nobody = new AsyncResource('CacheDashboard');
  readonly #ticks: Observable<MessageEvent>;
  #beats = 0;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions,
    @Inject(DASHBOARD_PULSE) private readonly pulse: Pulse,
  ) {
    this.#feed = new Feed(cache);
    this.#ticks = new Observable<MessageEvent>((viewers) => {
      this.#feed.start();
      const beat = (): void => viewers.next(this.#beat());
      const stop = this.#nobody.runInAsyncScope(() => this.pulse.every(TICK_MS, beat));
      return () => {
        stop();
        this.#feed.stop();
        this.#ring.pause();
      };
    }).pipe(share());
  }

  /** For one viewer: what there is so far, then what everybody is told. */
  watch(): Observable<MessageEvent> {
    const hello = defer(() => of({ type: 'hello', data: this.#hello() }));
    return concat(hello, this.#ticks).pipe(takeUntil(this.#closed));
  }

  /** Open connections would keep the server from closing. */
  onModuleDestroy(): void {
    this.#closed.next();
    this.#closed.complete();
    this.#nobody.emitDestroy();
  }

  #hello(): string {
    const { actions, values } = this.options;
    const now = this.pulse.now();
    const [points, feed] = [this.#ring.points(now), this.#feed.lines];
    return JSON.stringify({ actions, values, points, feed, tick: this.#make(now, []) });
  }

  /** One second; every fifteenth one says that the stream is alive, also where there is nothing to tell. */
  #beat(): MessageEvent {
    this.#beats = (this.#beats + 1) % BEAT_TICKS;
    const comment = this.#beats === 0 ? { comment: 'alive' } : {};
    const now = this.pulse.now();
    try {
      return { type: 'tick', data: fitted(this.#make(now, this.#feed.take(now))), ...comment };
    } catch {
      // A cache that is closing has no numbers.
      return { comment: 'alive' };
    }
  }

  #make(now: number, feed: readonly FeedLine[]): Tick {
    const stats = this.cache.stats();
    const snapshot = snapshotOf(stats);
    const point = this.#ring.add(now, snapshot.who);
    return { at: now, ...snapshot, point, caches: cacheRows(stats), more: 0, feed };
  }
}

/** As text of at most `TICK_BYTES`: what has least to say is left out, caches before events. */
export function fitted(tick: Tick): string {
  const bare = JSON.stringify({ ...tick, caches: [], feed: [] });
  let room = TICK_BYTES - Buffer.byteLength(bare) - 8;
  const take = <T>(list: readonly T[]): readonly T[] => {
    const taken = list.findIndex((item) => (room -= size(item)) < 0);
    return taken === -1 ? list : list.slice(0, taken);
  };
  const feed = take(tick.feed);
  const caches = take(tick.caches);
  return JSON.stringify({ ...tick, feed, caches, more: tick.caches.length - caches.length });
}

function size(item: unknown): number {
  return Buffer.byteLength(JSON.stringify(item)) + 1;
}
