/** The default predictor: where it begins, what it learns from, and what it keeps. */
import { describe, expect, it } from 'vitest';
import type { Chances, Horizon } from '../../src/core/predictor.js';
import { LearnedPredictor, type LearnedOptions } from '../../src/warming/learned-predictor.js';
import { seeded } from '../../../../test/support/random.mjs';

const [TTL, TICK, KEYS] = [300_000, 60_000, 200];
const score = (predictor: LearnedPredictor, id: number, horizon: Horizon): Chances => {
  const into = { soon: 0, within: 0 };
  predictor.score(id, horizon, into);
  return into;
};
/** One key in ten is asked for every minute, others now and then. */
function lived(
  ticks: number,
  options?: LearnedOptions,
): { all: () => Chances[] } & LearnedPredictor {
  const predictor = new LearnedPredictor(options);
  const random = seeded(3);
  for (let id = 0; id < KEYS; id++) predictor.begin(id, id % 7, 0);
  let now = 0;
  for (let tick = 0; tick < ticks; tick++) {
    now += TICK;
    for (let id = 0; id < KEYS; id++)
      if (id % 10 === 0 || random() < 0.02) predictor.observe(id, 1, now - 1, TTL);
    const candidates = Array.from({ length: KEYS / 2 }, (_none, id) => 2 * id);
    const any = (by: number): number => Math.floor(by * KEYS);
    predictor.learn({ now, soon: TICK, candidates, any, ttlOf: () => TTL });
  }
  const horizon = { now, soon: TICK, ttl: TTL };
  const all = (): Chances[] =>
    Array.from({ length: KEYS }, (_none, id) => score(predictor, id, horizon));
  return Object.assign(predictor, { all });
}

describe('LearnedPredictor', () => {
  it('is the mean of its four opinions before it has learned', () => {
    const predictor = new LearnedPredictor();
    predictor.begin(0, 0, 0);
    predictor.observe(0, 3, 100_000, TTL);
    const now = 160_000;
    const logits = [1, 4, 16].map((lives) => {
      const span = lives * TTL;
      const faded = 3 * 2 ** (-60_000 / span);
      return (faded * Math.LN2) / span / (1 - 2 ** (-now / span));
    });
    for (const [name, ms] of [
      ['soon', TICK],
      ['within', TTL],
    ] as const) {
      const opinions = [...logits, 3 / now].map((rate) => 1 - Math.exp(-rate * ms));
      const mean = opinions.reduce((sum, p) => sum + Math.log(p / (1 - p)) / 4, 0);
      const chances = score(predictor, 0, { now, soon: TICK, ttl: TTL });
      expect(chances[name]).toBeCloseTo(1 / (1 + Math.exp(-mean)), 5);
    }
  });

  it('comes to tell what is asked for always from what is asked for seldom', () => {
    const { within: always } = lived(60).all()[10];
    const { within: seldom } = lived(60).all()[1];
    const frozen = lived(60, { learns: false }).all();
    expect(always).toBeGreaterThan(0.95);
    expect(seldom).toBeLessThan(0.3);
    expect(always - seldom).toBeGreaterThan(frozen[10].within - frozen[1].within - 0.2);
  });

  it('finds a key less likely the longer nobody asks for it', () => {
    const predictor = new LearnedPredictor();
    predictor.begin(0, 0, 0);
    predictor.observe(0, 5, 0, TTL);
    const later = [1, 10, 100].map(
      (minutes) => score(predictor, 0, { now: minutes * 60_000, soon: TICK, ttl: TTL }).within,
    );
    expect(later).toEqual(later.toSorted((a, b) => b - a));
    expect(later[2]).toBeLessThan(0.1);
  });

  it('says the same after the same stream, with the same seed', () => {
    expect(lived(30, { seed: 4 }).all()).toEqual(lived(30, { seed: 4 }).all());
  });

  it('takes other examples with another seed', () => {
    expect(lived(30, { seed: 4 }).all()).not.toEqual(lived(30, { seed: 5 }).all());
  });

  it('learns nothing of a key from what is asked of the next one with its number', () => {
    const [kept, replaced] = [false, true].map((isReplaced) => {
      const predictor = new LearnedPredictor();
      const at = (now: number): void =>
        predictor.learn({ now, soon: TICK, candidates: [0], any: () => 0, ttlOf: () => TTL });
      predictor.begin(0, 0, 0);
      at(TICK);
      if (isReplaced) {
        predictor.forget(0);
        predictor.begin(0, 0, TICK + 1);
      }
      predictor.observe(0, 1, TICK + 2, TTL);
      at(TICK + TTL);
      return (predictor.snapshot() as { within: unknown[] }).within;
    });
    expect(kept).not.toEqual([]);
    expect(replaced).toEqual([]);
  });

  it('goes on from what it has kept, and passes over rubbish', () => {
    const kept = JSON.parse(JSON.stringify(lived(40).snapshot())) as unknown;
    const [restored, fresh] = [new LearnedPredictor(), new LearnedPredictor()];
    restored.restore(kept);
    for (const rubbish of [undefined, null, 7, { version: 2 }, { version: 1, soon: 'x' }])
      restored.restore(rubbish);
    expect(restored.snapshot()).toEqual(kept);
    fresh.restore({ version: 1, soon: [[0, 1, 1]], within: 'x' });
    expect(fresh.snapshot()).toEqual(new LearnedPredictor().snapshot());
  });
});
