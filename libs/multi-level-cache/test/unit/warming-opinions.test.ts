/** The predictors that learn nothing: what was asked for most lately will be asked for again. */
import { describe, expect, it } from 'vitest';
import type { Predictor } from '../../src/core/predictor.js';
import { EwmaPredictor, RecentPredictor } from '../../src/warming/simple-predictors.js';

const within = (predictor: Predictor, id: number, now: number): number => {
  const into = { soon: 0, within: 0 };
  predictor.score(id, { now, soon: 10, ttl: 100 }, into);
  return into.within;
};

describe('RecentPredictor', () => {
  it('counts what was asked for in its window, and nothing before', () => {
    const predictor = new RecentPredictor(1_000);
    [0, 1].forEach((id) => predictor.begin(id, 0, 0));
    predictor.observe(0, 5, 100);
    predictor.observe(1, 2, 900);
    expect(within(predictor, 0, 1_000)).toBeCloseTo(1 - Math.exp(-0.5));
    expect(within(predictor, 0, 1_200)).toBe(0);
    expect(within(predictor, 1, 1_200)).toBeCloseTo(1 - Math.exp(-0.2));
  });

  it('counts all there ever was, with an endless window', () => {
    const predictor = new RecentPredictor(Infinity);
    predictor.begin(0, 0, 0);
    predictor.observe(0, 10, 1);
    expect(within(predictor, 0, 1_000_000)).toBeCloseTo(1 - Math.exp(-10 / 10_000));
  });

  it('counts nothing of an earlier key with the same number', () => {
    const predictor = new RecentPredictor(1_000);
    predictor.begin(0, 0, 0);
    predictor.observe(0, 5, 100);
    predictor.forget(0);
    predictor.begin(0, 0, 200);
    predictor.observe(0, 1, 300);
    expect(within(predictor, 0, 1_000)).toBeCloseTo(1 - Math.exp(-0.1));
    expect(within(predictor, 0, 1_200)).toBeCloseTo(1 - Math.exp(-0.1));
  });
});

describe('EwmaPredictor', () => {
  it('halves what it counted with each half-life', () => {
    const predictor = new EwmaPredictor(100);
    predictor.begin(0);
    predictor.observe(0, 8, 0);
    const rate = (now: number): number => -Math.log(1 - within(predictor, 0, now)) / 100;
    expect(rate(100)).toBeCloseTo(rate(0) / 2);
    expect(rate(300)).toBeCloseTo(rate(0) / 8);
    predictor.observe(0, 1, 300);
    expect(rate(300)).toBeCloseTo(Math.LN2 * 0.02);
  });
});
