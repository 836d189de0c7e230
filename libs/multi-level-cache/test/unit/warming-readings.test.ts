/** WarmingReadings over sources that say what they are told, real guards, and the loop of this process. */
import type { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { L3Options } from '../../src/core/options.js';
import { Address, Scope } from '../../src/core/key.js';
import type { MaybePromise, PoolPressure, Tier, TierRead, TierState } from '../../src/core/tier.js';
import { Background } from '../../src/manager/background.js';
import { TierGuard } from '../../src/manager/tier-guard.js';
import {
  EventLoop,
  WarmingReadings,
  type ReadingSources,
  type TickCounts,
} from '../../src/manager/warming-readings.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { guardOptions } from './guard-options.js';
import { DatabaseTier } from '../../src/tiers/database/database-tier.js';
import type { Readings } from '../../src/warming/throttle.js';

const BUDGET = 100;
/** One answer is measured of so many. */
const EACH = 16;
const SCOPE = new Scope('app', 'p', 'c', { groups: [], types: new Map() });
const ABSENT: TierRead = { state: 'absent' };
const NOTHING: TickCounts = { loads: 0, errors: 0, requests: 0, misses: 0 };

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Answers when it is told to. */
class Scripted implements Tier {
  readonly name = 'l2';
  state: TierState = 'up';
  pressure?: () => PoolPressure | undefined;
  onRead: () => MaybePromise<TierRead> = () => Promise.resolve(ABSENT);

  open(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  read(): MaybePromise<TierRead> {
    return this.onRead();
  }
  ticket(): { kind: 'none' } {
    return { kind: 'none' };
  }
  fill(): boolean {
    return false;
  }
  apply(): Promise<void> {
    return Promise.resolve();
  }
  partOf({ key }: Address): string {
    return key.startsWith('b') ? 'b' : 'a';
  }
  status() {
    return { state: this.state, entries: 0, bytes: 0, evictions: 0, corrupt: 0 };
  }
}

class CountingClock extends FakeClock {
  asked = 0;
  override now(): number {
    this.asked++;
    return super.now();
  }
}

let clock: CountingClock;
let tier: Scripted;
let guard: TierGuard;
let opened: WarmingReadings[];

beforeEach(() => {
  clock = new CountingClock();
  tier = new Scripted();
  opened = [];
  const options = guardOptions(BUDGET, () => undefined);
  guard = new TierGuard(tier, clock, new Background(clock), options);
});

afterEach(() => {
  for (const readings of opened) readings.close();
});

/** Of which only some sources say anything. */
function readingsOf(sources: Partial<ReadingSources> = {}): WarmingReadings {
  const loop = { take: () => ({}), close: () => undefined };
  const readings = new WarmingReadings({ l2: null, l3: null, loop, ...sources });
  opened.push(readings);
  return readings;
}

/** So many reads, all answered after so long. */
async function answered(ms: number, reads: number, key = 'k'): Promise<void> {
  const answers: ((read: TierRead) => void)[] = [];
  tier.onRead = () => new Promise((resolve) => answers.push(resolve));
  const asked = Array.from({ length: reads }, () => guard.read(new Address(SCOPE, key)));
  clock.advance(ms);
  for (const answer of answers) answer(ABSENT);
  await Promise.all(asked);
}

async function failing(): Promise<void> {
  tier.onRead = () => Promise.reject(new Error('gone'));
  for (let n = 0; n < 5; n++) await guard.read(new Address(SCOPE, 'k'));
}

it('says nothing of what an application does not have, and of what has not happened', () => {
  const readings = readingsOf({ heap: () => ({ used: 70, limit: 100 }) });
  const known = Object.entries(readings.take(NOTHING)).filter(([, value]) => value !== undefined);
  expect(known).toEqual([['heap', 0.7]]);
});

it('the heap is that of this process, unless another is given', () => {
  const { heap } = readingsOf().take(NOTHING);
  expect(heap).toBeGreaterThan(0);
  expect(heap).toBeLessThan(1);
});

it('warm loads that failed are a share of those of the tick', () => {
  const readings = readingsOf();
  expect(readings.take({ ...NOTHING, loads: 20, errors: 3 }).loadErrors).toBe(0.15);
  expect(readings.take({ ...NOTHING, loads: 20 }).loadErrors).toBe(0);
  expect(readings.take(NOTHING).loadErrors).toBeUndefined();
});

describe('the latency of L2', () => {
  /** After answers that took so long on average. */
  const timesOf = async (readings: WarmingReadings, ms: number): Promise<number | undefined> => {
    await answered(ms, 5 * EACH);
    return readings.take(NOTHING).l2Latency;
  };

  it('is told in times of what it was', async () => {
    const readings = readingsOf({ l2: guard });
    expect(await timesOf(readings, 2)).toBe(1);
    expect(await timesOf(readings, 10)).toBe(5);
    expect(readings.take(NOTHING).l2Latency).toBeUndefined();
  });

  it('is the mean of all parts', async () => {
    const readings = readingsOf({ l2: guard });
    await timesOf(readings, 2);
    await answered(1, 3 * EACH, 'a');
    await answered(9, 3 * EACH, 'b');
    expect(readings.take(NOTHING).l2Latency).toBe(2.5);
  });

  it('takes five measured answers to be known', async () => {
    const readings = readingsOf({ l2: guard });
    await answered(2, 5 * EACH - 1);
    expect(readings.take(NOTHING).l2Latency).toBeUndefined();
  });

  it('what stays slow becomes usual by 5 % a tick', async () => {
    const readings = readingsOf({ l2: guard });
    await timesOf(readings, 2);
    const slow: number[] = [];
    for (let n = 0; n < 4; n++) slow.push((await timesOf(readings, 20))!);
    expect(slow).toEqual(
      [10, 10 / 1.05, 10 / 1.05 ** 2, 10 / 1.05 ** 3].map((n) => expect.closeTo(n)),
    );
    for (let n = 0; n < 60; n++) await timesOf(readings, 20);
    expect(await timesOf(readings, 20)).toBe(1);
  });

  it('what is faster is usual from then on', async () => {
    const readings = readingsOf({ l2: guard });
    await timesOf(readings, 20);
    expect(await timesOf(readings, 2)).toBe(0.1);
    expect(await timesOf(readings, 20)).toBe(10);
  });

  it('is no trouble below half a millisecond, however much it grew', async () => {
    const readings = readingsOf({ l2: guard });
    await timesOf(readings, 0.05);
    expect(await timesOf(readings, 0.4)).toBe(1);
    expect(await timesOf(readings, 1)).toBe(2);
  });

  it('says nothing of answers that need no waiting, nor of those that fail', async () => {
    tier.onRead = () => ABSENT;
    for (let n = 0; n < 10 * EACH; n++) await guard.read(new Address(SCOPE, 'k'));
    expect(guard.parts.takeLatency()).toEqual({ samples: 0, totalMs: 0 });
    for (let n = 0; n < 30 * EACH; n++) {
      tier.onRead = () => (n % 3 === 0 ? Promise.reject(new Error('no')) : Promise.resolve(ABSENT));
      await guard.read(new Address(SCOPE, 'k'));
    }
    expect(guard.parts.takeLatency().samples).toBe(20);
  });

  it('of a tier that went away or came back is forgotten', async () => {
    await answered(2, 5 * EACH);
    guard.parts.anew();
    expect(guard.parts.takeLatency().samples).toBe(0);
  });

  it('costs most reads nothing: the clock is asked as often as before but for one in sixteen', async () => {
    tier.onRead = () => Promise.resolve(ABSENT);
    const reads = async (count: number): Promise<number> => {
      clock.asked = 0;
      for (let n = 0; n < count; n++) await guard.read(new Address(SCOPE, 'k'));
      return clock.asked;
    };
    await reads(EACH);
    const most = await reads(EACH - 1);
    expect(await reads(1)).toBe(most / (EACH - 1) + 2);
  });
});

describe('a tier is open', () => {
  it('where it is down', () => {
    const readings = readingsOf({ l2: guard, l3: guard });
    expect(readings.take(NOTHING)).toMatchObject({ l2Open: false, l3Open: false });
    tier.state = 'down';
    expect(readings.take(NOTHING)).toMatchObject({ l2Open: true, l3Open: true });
  });

  it('where a part of it is not asked, until it is well again', async () => {
    const readings = readingsOf({ l2: guard });
    await answered(2, 1, 'b');
    await failing();
    expect(guard.status().state).toBe('degraded');
    expect(readings.take(NOTHING)).toMatchObject({ l2Open: true, l3Open: undefined });
    tier.onRead = () => Promise.resolve(ABSENT);
    clock.advance(250);
    await settled();
    expect(readings.take(NOTHING).l2Open).toBe(false);
  });

  it('not where it works with losses', () => {
    tier.state = 'degraded';
    expect(readingsOf({ l2: guard }).take(NOTHING).l2Open).toBe(false);
  });
});

describe('misses of a request', () => {
  const take = (readings: WarmingReadings, requests: number, misses: number): number | undefined =>
    readings.take({ ...NOTHING, requests, misses }).missRate;

  it('are told in times of what is usual, which follows slowly', () => {
    const readings = readingsOf();
    expect(take(readings, 1_000, 100)).toBe(1);
    expect(take(readings, 100, 40)).toBe(4);
    expect(take(readings, 1_000, 260)).toBeCloseTo(2);
  });

  it('take fifty requests to be known; fewer change nothing', () => {
    const readings = readingsOf();
    take(readings, 1_000, 100);
    expect(take(readings, 49, 49)).toBeUndefined();
    expect(take(readings, 50, 5)).toBe(1);
  });

  it('are no sign where they are a handful, also where there were none before', () => {
    const readings = readingsOf();
    expect(take(readings, 50, 0)).toBe(0);
    expect(take(readings, 50, 6)).toBe(3);
    expect(take(readings, 50, 50)).toBeGreaterThan(3);
  });
});

describe('the connections of L3', () => {
  it('are told as the tier tells them', () => {
    tier.pressure = () => ({ waiting: 3, idle: 0.5 });
    const readings = readingsOf({ l2: null, l3: guard });
    expect(readings.take(NOTHING)).toMatchObject({ poolWaiting: 3, poolIdle: 0.5 });
    tier.pressure = () => undefined;
    expect(readings.take(NOTHING)).toMatchObject({ poolWaiting: undefined, poolIdle: undefined });
  });

  /** A tier whose statements end at once, or when they are told to. */
  function database() {
    const pool = { totalCount: 0, idleCount: 0, waitingCount: 0 };
    const held: (() => void)[] = [];
    let holds = false;
    const query = async (): Promise<{ rows: unknown[] }> => {
      if (holds) await new Promise<void>((resolve) => held.push(resolve));
      return { rows: [{ last: '0', inc: '1', tl: 1 }] };
    };
    const connect = () => Promise.resolve({ query, release: () => undefined });
    const end = () => Promise.resolve();
    const fake = Object.assign(pool, { connect, end, on: () => undefined }) as unknown as Pool;
    const options = { poolSize: 4, poolerMode: true, schema: 's', table: 't' } as L3Options;
    const made = new DatabaseTier(
      { ...options, maxSize: 1e9 },
      { namespace: 'app', clock, pool: () => fake },
    );
    const hold = (): void => {
      holds = true;
    };
    const letGo = (): void => {
      holds = false;
      for (const end of held.splice(0)) end();
    };
    return { made, pool, hold, letGo };
  }

  async function open({ made }: ReturnType<typeof database>): Promise<void> {
    await made.open({ changed: () => undefined, lost: () => undefined, state: () => undefined });
  }

  it('are not known before there are any', async () => {
    const bench = database();
    expect(bench.made.pressure()).toBeUndefined();
    await open(bench);
    expect(bench.made.pressure()).toEqual({ waiting: 0, idle: 1 });
    await bench.made.close();
  });

  it.each([
    [
      'one that has not been made is free',
      { totalCount: 1, idleCount: 0, waitingCount: 0 },
      0,
      0.75,
    ],
    ['one that rests is free', { totalCount: 4, idleCount: 3, waitingCount: 0 }, 0, 0.75],
    ['none is free', { totalCount: 4, idleCount: 0, waitingCount: 2 }, 2, 0],
    [
      'who waits beside a free one does not wait',
      { totalCount: 4, idleCount: 1, waitingCount: 1 },
      0,
      0.25,
    ],
    ['more than it was given', { totalCount: 6, idleCount: 0, waitingCount: 0 }, 0, 0],
  ])('%s', async (_what, counts, waiting, idle) => {
    const bench = database();
    await open(bench);
    Object.assign(bench.pool, counts);
    expect(bench.made.pressure()).toEqual({ waiting, idle });
    await bench.made.close();
  });

  it('are waited for by statements of which the pool has not heard, until they are served', async () => {
    const bench = database();
    await open(bench);
    bench.hold();
    const statements = Array.from({ length: 6 }, () => bench.made.sweep(1));
    expect(bench.made.pressure()).toMatchObject({ waiting: 2 });
    await settled();
    expect(bench.made.pressure()).toMatchObject({ waiting: 2 });
    bench.letGo();
    await Promise.all(statements);
    expect(bench.made.pressure()).toMatchObject({ waiting: 0 });
    await bench.made.close();
  });

  it('are not waited for by whom the line has refused', async () => {
    const bench = database();
    await open(bench);
    bench.hold();
    const inLine = Array.from({ length: 4 + 64 }, () => bench.made.sweep(1));
    await expect(bench.made.sweep(1)).rejects.toThrow('too many statements');
    expect(bench.made.pressure()).toMatchObject({ waiting: 64 });
    bench.letGo();
    await Promise.all(inLine);
    await bench.made.close();
  });
});

describe('the loop of this process', () => {
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  /** Long enough for Node to begin to count. */
  const SOON = 80;

  function hold(ms: number): void {
    const end = performance.now() + ms;
    while (performance.now() < end);
  }

  async function blocked(ms: number): Promise<void> {
    await pause(SOON);
    hold(ms);
    await pause(SOON);
  }

  it('is late and busy where something held it up, and this is told once', async () => {
    const readings = readingsOf({ loop: new EventLoop() });
    readings.take(NOTHING);
    await blocked(200);
    const { loopDelayMs, loopUtilisation } = readings.take(NOTHING);
    expect(loopDelayMs).toBeGreaterThan(50);
    expect(loopUtilisation).toBeGreaterThan(0);
    expect(readings.take(NOTHING).loopDelayMs).toBeUndefined();
  });

  it('is measured where no other source is given', async () => {
    const readings = new WarmingReadings({ l2: null, l3: null });
    opened.push(readings);
    await blocked(200);
    expect(readings.take(NOTHING).loopDelayMs).toBeGreaterThan(50);
  });

  it('is not late by the time between two looks', async () => {
    const loop = new EventLoop();
    const seen: Readings['loopDelayMs'][] = [];
    // Once of several times: other processes of this machine hold it up as well.
    for (let n = 0; n < 10 && !seen.some((ms) => ms! < 15); n++) {
      loop.take();
      await pause(150);
      seen.push(loop.take().loopDelayMs);
    }
    loop.close();
    expect(Math.min(...seen.map((ms) => ms ?? Infinity))).toBeLessThan(15);
  });

  it('is measured from tick to tick: a quiet time before the last one is forgotten', async () => {
    const loop = new EventLoop();
    await pause(300);
    loop.take();
    hold(100);
    expect(loop.take().loopUtilisation).toBeGreaterThan(0.9);
    loop.close();
  });

  it('keeps no process alive', () => {
    const before = process.getActiveResourcesInfo().toSorted();
    const loop = new EventLoop();
    expect(process.getActiveResourcesInfo().toSorted()).toEqual(before);
    loop.close();
  });

  it('is measured no more after the end', async () => {
    const readings = readingsOf({ loop: new EventLoop() });
    await pause(SOON);
    readings.close();
    await blocked(60);
    expect(readings.take(NOTHING).loopDelayMs).toBeUndefined();
  });
});
