/** What became of values that were loaded ahead, and when warming stands down for it. */
import { describe, expect, it } from 'vitest';
import { Precision } from '../../src/warming/precision.js';
import { Trials } from '../../src/warming/trials.js';

describe('Trials', () => {
  const outcome = (...asked: number[]): number => {
    const trials = new Trials();
    trials.begin(1, 100, 200);
    asked.forEach((at) => trials.asked(1, at));
    trials.settle(200);
    expect(trials.total).toBe(1);
    return trials.used;
  };

  it.each([
    ['before the old value had ended', [99], 0],
    ['as soon as it had', [100], 1],
    ['before its own end', [199], 1],
    ['at its end', [200], 0],
    ['before and after', [50, 250], 0],
    ['again and again', [110, 120, 130], 1],
  ])('counts what was asked for %s as %j: %i', (_when, asked, used) => {
    expect(outcome(...asked)).toBe(used);
  });

  it('knows the outcome at the end and not before', () => {
    const trials = new Trials();
    trials.begin(1, 0, 100);
    trials.settle(99);
    expect(trials.recent().count).toBe(0);
    trials.settle(100);
    expect(trials.recent()).toEqual({ count: 1, share: 0 });
  });

  it('tells once when one turns out to be of use', () => {
    const trials = new Trials();
    const told: number[] = [];
    trials.onUsed = (id) => told.push(id);
    trials.begin(7, 0, 100);
    [10, 20].forEach((at) => trials.asked(7, at));
    expect(told).toEqual([7]);
  });

  it('has no outcome of a key that was forgotten', () => {
    const trials = new Trials();
    trials.begin(1, 0, 100);
    trials.forget(1);
    trials.settle(100);
    expect(trials.total).toBe(0);
  });
});

describe('Precision', () => {
  const [CHANCE, KEYS] = [0.05, 20];
  /** Plans of so many loads each, of which this share is used; chance would use one in twenty. Returns the loads made. */
  function plans(
    precision: Precision,
    count: number,
    share: number,
    until?: () => boolean,
  ): number {
    let loads = 0;
    for (let plan = 0; plan < count && !until?.(); plan++) {
      for (let id = 0; id < KEYS; id++) {
        precision.loads.begin(id, 0, 100);
        precision.controls.begin(id, 0, 100);
        // Evenly spread over the plans.
        if ((id + plan * 7) % KEYS < share * KEYS) precision.loads.asked(id, 50);
        if ((id + plan * 3) % KEYS < CHANCE * KEYS) precision.controls.asked(id, 50);
      }
      loads += KEYS;
      precision.settle(100);
    }
    return loads;
  }

  it('stands by what is used much more often than by chance', () => {
    const precision = new Precision();
    plans(precision, 200, 0.25);
    expect(precision.standsDown).toBe(false);
    expect(precision.factor).toBe(1);
  });

  it('stands down for what chance would do as well, within a few hundred loads, and probes with 5 %', () => {
    const precision = new Precision();
    expect(plans(precision, 200, CHANCE, () => precision.standsDown)).toBeLessThanOrEqual(300);
    expect(precision.factor).toBe(0.05);
    plans(precision, 200, CHANCE);
    expect(precision.standsDown).toBe(true);
  });

  it('stands down later the longer warming was of use', () => {
    const precision = new Precision();
    plans(precision, 200, 0.25);
    const loads = plans(precision, 200, CHANCE, () => precision.standsDown);
    expect(loads).toBeGreaterThan(100);
    expect(loads).toBeLessThanOrEqual(600);
  });

  it('does not mind bad luck of a few', () => {
    const precision = new Precision();
    plans(precision, 20, 0.25);
    plans(precision, 2, 0);
    expect(precision.standsDown).toBe(false);
  });

  it('comes back when loads are of use again, and not for a lucky one', () => {
    const precision = new Precision();
    plans(precision, 50, 0);
    plans(precision, 1, 0.2);
    expect(precision.standsDown).toBe(true);
    expect(plans(precision, 50, 0.5, () => !precision.standsDown)).toBeLessThanOrEqual(40);
  });

  it('asks for about twice of what chance does, and never for more than there is', () => {
    const precision = new Precision();
    plans(precision, 100, 0.5);
    expect(precision.threshold / CHANCE).toBeCloseTo(2, 0);
    for (let plan = 0; plan < 200; plan++) {
      precision.controls.begin(0, 0, 100);
      precision.controls.asked(0, 50);
      precision.settle(100);
    }
    expect(precision.threshold).toBeLessThanOrEqual(1);
  });

  it('stands down for what is hardly ever used, whatever chance does', () => {
    const precision = new Precision();
    for (let load = 0; load < 1_000; load++) {
      precision.loads.begin(0, 0, 100);
      if (load % 100 === 0) precision.loads.asked(0, 50);
      precision.settle(100);
    }
    expect(precision.standsDown).toBe(true);
  });
});
