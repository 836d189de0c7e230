/** The load's own reckoning: a generator that flatters is worse than none. */
import { describe, expect, it } from 'vitest';
import { arrivals, zipf } from '../../bench/load/arrivals.mjs';
import { seeded } from '../support/random.mjs';
import { answerFrame, FAILED, Frames, requestFrame, WRITE } from '../../bench/load/frames.mjs';
import { Histogram } from '../../bench/load/histogram.mjs';
import { ClosedRun, middle, OpenRun } from '../../bench/load/run.mjs';

describe('histogram', () => {
  it('tells percentiles no better than they are, and at most 1 % worse', () => {
    const [random, histogram] = [seeded(1), new Histogram()];
    const times = Array.from({ length: 20_000 }, () => Math.floor(10 ** (random() * 7)));
    for (const us of times) histogram.record(us);
    times.sort((a, b) => a - b);
    for (const share of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = times[Math.ceil(share * times.length) - 1] / 1_000;
      expect(histogram.percentile(share)).toBeGreaterThanOrEqual(exact);
      expect(histogram.percentile(share)).toBeLessThanOrEqual(exact * 1.01);
    }
    expect(histogram.maxMs).toBe(times.at(-1)! / 1_000);
  });

  it('takes what was not answered for slower than anything', () => {
    const histogram = new Histogram();
    for (let at = 0; at < 98; at++) histogram.record(1_000);
    histogram.fail(2);
    expect(histogram.percentile(0.98)).toBe(1);
    expect(histogram.percentile(0.99)).toBe(Infinity);
    expect(histogram.maxMs).toBe(Infinity);
  });

  it('keeps longest times where they belong, and none below 0', () => {
    const histogram = new Histogram();
    histogram.record(2 ** 40);
    expect(histogram.percentile(1)).toBe((2 ** 32 - 1) / 1_000);
    histogram.record(-5);
    expect(histogram.percentile(0.5)).toBe(0);
  });
});

describe('arrivals', () => {
  it('come at one distance', () => {
    expect([...arrivals({ rate: 4, stretches: [1, 0.5], kind: 'constant' })]).toEqual([
      0, 250, 500, 750, 1_000, 1_250,
    ]);
  });

  it('come at random moments, exactly as many as offered in each stretch', () => {
    const due = arrivals({ rate: 5_000, stretches: [1, 2], kind: 'poisson', random: seeded(7) });
    expect(due).toHaveLength(15_000);
    expect(due.every((at, index) => index === 0 || at >= due[index - 1])).toBe(true);
    expect(due.filter((at) => at < 1_000)).toHaveLength(5_000);
    expect(due.at(-1)).toBeLessThan(3_000);
    // The distances of such a process deviate by as much as they are long.
    const distances = [...due].slice(1).map((at, index) => at - due[index]);
    const mean = distances.reduce((sum, one) => sum + one, 0) / distances.length;
    const variance = distances.reduce((sum, one) => sum + (one - mean) ** 2, 0) / distances.length;
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
  });

  it('ask for popular keys as often as their rank says', () => {
    const order = zipf({ keys: 1_000, count: 50_000, random: seeded(3) });
    const asked = (key: number): number => order.filter((one) => one === key).length;
    expect(asked(0) / asked(9)).toBeGreaterThan(8);
    expect(asked(0) / asked(9)).toBeLessThan(12);
    expect(Math.max(...order)).toBeLessThan(1_000);
  });
});

describe('frames', () => {
  it('are put together from any parts', () => {
    const words = Uint32Array.from([1, 7, 2, (9 | WRITE) >>> 0]);
    const bytes = Buffer.concat([requestFrame(words, 4), answerFrame(words, 2, 12.5)]);
    for (const size of [1, 3, 16, 17, bytes.length]) {
      const heard: [number[], number][] = [];
      const frames = new Frames((list, at) => heard.push([[...list], at]));
      for (let at = 0; at < bytes.length; at += size) frames.push(bytes.subarray(at, at + size));
      expect(heard).toEqual([
        [[...words], 0],
        [[1, 7], 12.5],
      ]);
    }
  });
});

describe('an open run', () => {
  const keys = Uint32Array.from([5, 6]);
  const due = Float64Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const list = new Uint32Array(64);
  const open = (how: { bound: number; from?: number; writes?: number }): OpenRun =>
    new OpenRun({ due, keys, from: 0, until: 10, ...how });

  it('sends what is due, and times it from then however late it was sent', () => {
    const run = open({ bound: 100, writes: 2 });
    expect(run.take(-1, list)).toBe(0);
    expect(run.take(1.5, list)).toBe(4);
    expect([...list.subarray(0, 4)]).toEqual([0, (5 | WRITE) >>> 0, 1, 6]);
    // Held up for 100 ms: the other eight go out together.
    expect(run.take(101.5, list)).toBe(16);
    run.answer(
      Uint32Array.from({ length: 10 }, (_none, at) => at),
      102,
    );
    expect(run.done).toBe(true);
    const { p50, max, failed, achieved, lateP99 } = run.result();
    expect(max).toBe(102);
    expect(p50).toBeCloseTo(97, 0);
    expect(lateP99).toBeGreaterThan(98);
    expect(failed).toBe(0);
    // None of them came within the measured stretch.
    expect(achieved).toBe(0);
  });

  it('counts what is shed as failed', () => {
    const run = open({ bound: 3 });
    expect(run.take(9, list)).toBe(6);
    expect(run.allSent).toBe(true);
    run.answer(Uint32Array.from([0, 1, (2 | FAILED) >>> 0]), 9);
    expect(run.result()).toMatchObject({ shed: 7, failed: 8, p99: Infinity, achieved: 200 });
  });

  it('counts what never came back as failed', () => {
    const run = open({ bound: 100 });
    run.take(9, list);
    run.answer(Uint32Array.from([0, 1, 2, 3]), 9);
    expect(run.done).toBe(false);
    expect(run.result()).toMatchObject({ shed: 0, lost: 6, failed: 6, p50: Infinity });
  });

  it('leaves warm-up out', () => {
    const run = open({ bound: 2, from: 5 });
    run.take(4, list);
    run.answer(Uint32Array.from([0, (1 | FAILED) >>> 0]), 4.5);
    run.take(6, list);
    run.answer(Uint32Array.from([5, 6]), 7);
    run.take(9, list);
    run.answer(Uint32Array.from([7, 8]), 9.5);
    expect(run.result()).toMatchObject({ offered: 1_000, failed: 1, shed: 1 });
  });
});

describe('a closed run', () => {
  const list = new Uint32Array(64);

  it('keeps so many under way until all have been asked for, and counts them from the first to the last answer', () => {
    const run = new ClosedRun({ keys: Uint32Array.from([1]), count: 6, width: 4 });
    expect(run.take(100, list)).toBe(8);
    expect(run.take(101, list)).toBe(0);
    run.answer(Uint32Array.from([0, 1, 2]), 105);
    expect(run.take(106, list)).toBe(4);
    expect(run.allSent).toBe(true);
    run.answer(Uint32Array.from([3, (4 | FAILED) >>> 0]), 115);
    expect(run.done).toBe(false);
    run.answer(Uint32Array.from([5]), 120);
    expect(run.done).toBe(true);
    expect(run.result()).toEqual({ achieved: 250, failed: 1 });
  });

  it('has no rate where something was never answered', () => {
    const run = new ClosedRun({ keys: Uint32Array.from([1]), count: 2, width: 4 });
    run.take(0, list);
    run.answer(Uint32Array.from([0]), 1);
    expect(() => run.result()).toThrow('1 requests were never answered');
  });
});

it('takes the run in the middle, an unanswered one for the slowest, and what failed in any', () => {
  const run = (p99: number, failed = 0) => ({ p99, max: p99, failed, shed: failed, lost: 0 });
  expect(middle([run(Infinity, 7), run(2), run(3), run(1), run(9)])).toEqual({
    p99: 3,
    p99Least: 1,
    p99Most: Infinity,
    max: Infinity,
    failed: 7,
    shed: 7,
    lost: 0,
  });
});
