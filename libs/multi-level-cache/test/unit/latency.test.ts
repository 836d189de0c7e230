/** Latencies of the last minutes: quantiles to the bound, shares at the targets, and what is old is forgotten. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDS_MS, Latencies } from '../../src/core/latency.js';

describe('Latencies', () => {
  it('has nothing to say before the first', () => {
    const latencies = new Latencies();
    expect(latencies.stats(0)).toEqual({ samples: 0, p50Ms: 0, p99Ms: 0 });
    expect(latencies.within(5, 0)).toBeUndefined();
  });

  it('places quantiles in the bucket of the sample that has that rank', () => {
    const times = fc.array(fc.double({ min: 0, max: 6_000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(times, (list) => {
        const latencies = new Latencies();
        for (const ms of list) latencies.record(ms, 0);
        const { p50Ms, p99Ms, samples } = latencies.stats(0);
        expect(samples).toBe(list.length);
        const sorted = list.toSorted((a, b) => a - b);
        for (const [share, found] of [
          [0.5, p50Ms],
          [0.99, p99Ms],
        ] as const) {
          const exact = sorted[Math.max(Math.ceil(share * list.length) - 1, 0)];
          const bound = BOUNDS_MS.find((one) => exact <= one) ?? BOUNDS_MS.at(-1)!;
          const below = BOUNDS_MS[BOUNDS_MS.indexOf(bound) - 1] ?? 0;
          expect(found).toBeLessThanOrEqual(bound);
          if (exact <= BOUNDS_MS.at(-1)!) expect(found).toBeGreaterThanOrEqual(below);
        }
      }),
    );
  });

  it('counts what took exactly the target as in time', () => {
    const latencies = new Latencies();
    for (const ms of [1, 5, 5, 5.01]) latencies.record(ms, 0);
    expect(latencies.within(5, 0)).toBe(0.75);
    expect(latencies.within(1, 0)).toBe(0.25);
  });

  it('forgets after two minutes at most, and not within one', () => {
    const latencies = new Latencies();
    latencies.record(100, 0);
    latencies.record(1, 59_000);
    expect(latencies.stats(60_000).samples).toBe(2);
    latencies.record(1, 61_000);
    expect(latencies.stats(119_000).samples).toBe(3);
    expect(latencies.stats(121_000).samples).toBe(1);
    expect(latencies.stats(400_000).samples).toBe(0);
  });

  it('forgets all at once where nothing was measured for two minutes', () => {
    const latencies = new Latencies();
    latencies.record(100, 0);
    expect(latencies.stats(120_000).samples).toBe(0);
  });
});
