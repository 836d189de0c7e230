/** One timer for all who watch, none for nobody; what a second says is small, and names no key. */
import type { MessageEvent } from '@nestjs/common';
import type { CacheManager, CacheStats } from 'nestjs-multi-level-cache';
import type { Subscription } from 'rxjs';
import { expect, it } from 'vitest';
import { readOptions } from '../src/options.js';
import { DashboardStream, TICK_BYTES, type Pulse, type Tick } from '../src/stream.js';

class HandPulse implements Pulse {
  time = 1_000_000;
  readonly running = new Set<() => void>();
  started = 0;

  now(): number {
    return this.time;
  }

  every(_ms: number, run: () => void): () => void {
    this.started++;
    this.running.add(run);
    return () => this.running.delete(run);
  }

  second(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.time += 1_000;
      for (const run of this.running) run();
    }
  }
}

const TIER = {
  state: 'up',
  hits: 1,
  misses: 1,
  writes: 1,
  evictions: 0,
  entries: 1,
  bytes: 1,
  corrupt: 0,
} as const;

class FakeCache {
  readonly heard = new Map<string, (event: object) => void>();
  asked = 0;
  loads = 0;
  fails = false;
  constructor(readonly names: readonly string[] = ['default']) {}

  on(name: string, listener: (event: object) => void): () => void {
    this.heard.set(name, listener);
    return () => this.heard.delete(name);
  }

  stats(): CacheStats {
    this.asked++;
    if (this.fails) throw new Error('closed');
    const requests = { l1: 10, l2: 2, l3: 1, loader: this.loads, stale: 0, error: 0 };
    const load = { count: 123_456, failed: 1_234, p50Ms: 12.345678, p99Ms: 345.678901 };
    const more = {
      breaker: 'closed',
      limit: 2 ** 30,
      latency: { samples: 1e6, p50Ms: 0.123456, p99Ms: 4.56789 },
      rejected: { version: 2, tag: 1 },
    };
    const tier = { ...TIER, ...more };
    return {
      caches: Object.fromEntries(
        this.names.map((name) => [name, { requests, coalesced: 99_999, loads: load }]),
      ),
      tiers: { l1: tier, l2: { ...tier, reason: 'r'.repeat(300) }, l3: tier },
      loading: { active: 3 },
      backplane: { published: 1, received: 2, dropped: 0, deaf: false },
      warming: {
        planned: 0,
        loaded: 0,
        alreadyFresh: 0,
        failed: 0,
        overBudget: 0,
        used: 0,
        wasted: 0,
        leads: true,
        budget: 1,
        heldBackBy: [],
      },
    } as unknown as CacheStats;
  }
}

function setting(cache = new FakeCache()) {
  const pulse = new HandPulse();
  const stream = new DashboardStream(cache as unknown as CacheManager, readOptions({}), pulse);
  const watch = (): { seen: MessageEvent[]; end: Subscription } => {
    const seen: MessageEvent[] = [];
    return { seen, end: stream.watch().subscribe((message) => seen.push(message)) };
  };
  return { cache, pulse, stream, watch };
}

const textOf = ({ data }: MessageEvent): string => (typeof data === 'string' ? data : '');
const tickOf = (message: MessageEvent): Tick => JSON.parse(textOf(message)) as Tick;

it('has one timer for three who watch, and none, nor a listener, when they are gone', () => {
  const { cache, pulse, watch } = setting();
  expect([pulse.running.size, cache.heard.size, cache.asked]).toEqual([0, 0, 0]);
  const three = [watch(), watch(), watch()];
  expect([pulse.running.size, pulse.started]).toEqual([1, 1]);
  const before = cache.asked;
  pulse.second();
  expect(cache.asked).toBe(before + 1);
  expect(three.map(({ seen }) => seen.map(({ type }) => type))).toEqual(
    Array(3).fill(['hello', 'tick']),
  );
  expect(new Set(three.map(({ seen }) => seen[1].data)).size).toBe(1);
  for (const { end } of three) end.unsubscribe();
  expect([pulse.running.size, cache.heard.size]).toEqual([0, 0]);
  watch().end.unsubscribe();
  expect([pulse.started, pulse.running.size]).toEqual([2, 0]);
});

it('ends with the application, so that the server can close', () => {
  const { pulse, stream, watch } = setting();
  const { end } = watch();
  stream.onModuleDestroy();
  expect([end.closed, pulse.running.size]).toEqual([true, 0]);
});

it('keeps the last quarter of an hour, and leaves out what nobody watched', () => {
  const { cache, pulse, watch } = setting();
  const first = watch();
  cache.loads = 5;
  pulse.second(5);
  first.end.unsubscribe();
  cache.loads = 100;
  pulse.second(60);
  const second = watch();
  const hello = JSON.parse(textOf(second.seen[0])) as { points: number[][]; tick: Tick };
  expect(hello.points.map(([at, , , , loader]) => [at - 1_000_000, loader])).toEqual([
    [0, 5],
    [5_000, 0],
  ]);
  cache.loads = 103;
  pulse.second();
  expect(tickOf(second.seen[1]).point[4]).toBe(3);
  pulse.second(1_000);
  const third = watch();
  const { points } = JSON.parse(textOf(third.seen[0])) as { points: number[][] };
  expect(points).toHaveLength(180);
  expect(new Set(points.map(([at]) => at)).size).toBe(180);
});

it('says each second at most 4 KB, with twenty caches and a busy feed', () => {
  const names = Array.from({ length: 20 }, (_, index) => `cache-of-some-length-${index}`);
  const { cache, pulse, watch } = setting(new FakeCache(names));
  const { seen } = watch();
  for (let i = 0; i < 50; i++)
    cache.heard.get('denied')!({
      action: `verb${String.fromCodePoint(97 + (i % 26)).repeat(40)}`,
      cache: names[i % 20],
    });
  pulse.second();
  const text = textOf(seen[1]);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(TICK_BYTES);
  expect(tickOf(seen[1]).caches.length).toBeGreaterThan(10);
  expect(tickOf(seen[1]).tiers.l1.rejected).toBe(3);
  expect(tickOf(seen[1]).feed.at(-1)).toMatchObject({ kind: 'more', times: 34 });
  pulse.second();
  expect(tickOf(seen[2])).toMatchObject({ more: 0, feed: [] });
});

it('leaves out caches that there is no room for, those with least requests, and says how many', () => {
  const names = Array.from({ length: 200 }, (_, index) => `cache-${index}`);
  const { pulse, watch } = setting(new FakeCache(names));
  const { seen } = watch();
  pulse.second();
  const { caches, more } = tickOf(seen[1]);
  expect(Buffer.byteLength(textOf(seen[1]))).toBeLessThanOrEqual(TICK_BYTES);
  expect(more).toBe(200 - caches.length);
});

it('tells events without keys, tags or messages', () => {
  const { cache, pulse, watch } = setting();
  const { seen } = watch();
  const tell = (name: string, event: object): void => cache.heard.get(name)!(event);
  tell('load', { cache: 'default', key: 'secret-key', durationMs: 250 });
  tell('load', { cache: 'default', key: 'secret-key', durationMs: 260 });
  tell('load', { cache: 'default', key: 'secret-key', durationMs: 2 });
  tell('load', {
    cache: 'default',
    key: 'secret-key',
    durationMs: 2,
    error: new TypeError('secret'),
  });
  tell('stale', { cache: 'default', key: 'secret-key' });
  tell('tier', { tier: 'l2', state: 'down', reason: 'refused', config: true });
  tell('invalidate', { kind: 'tag', count: 2, origin: 'backplane', soft: false });
  tell('corrupt', { tier: 'l3' });
  tell('backplane', { state: 'deaf' });
  pulse.second();
  expect(cache.heard.has('hit')).toBe(false);
  expect(textOf(seen[1])).not.toContain('secret');
  expect(tickOf(seen[1]).feed.map(({ says, times }) => [says, times])).toEqual([
    ['a load of default took 250 ms', 2],
    ['a load of default failed after 2 ms: TypeError', 1],
    ['a stale value of default stood in', 1],
    ['L2 is down: refused, and somebody has to mend it', 1],
    ['2 tags invalidated, told by the backplane', 1],
    ["L3 held bytes that are not this application's", 1],
    ['other instances are not heard', 1],
  ]);
});

it('says every fifteen seconds that it is alive, also while there are no numbers', () => {
  const { cache, pulse, watch } = setting();
  const { seen } = watch();
  pulse.second(30);
  expect(seen.filter(({ comment }) => comment !== undefined)).toHaveLength(2);
  cache.fails = true;
  pulse.second();
  expect(seen.at(-1)).toEqual({ comment: 'alive' });
});
