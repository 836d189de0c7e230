/** A tick of the planner: whose keys are candidates, and when nothing is planned at all. */
import { describe, expect, it } from 'vitest';
import type { KeyRef } from '../../src/warming/key-ref.js';
import { Planner, type PlannerOptions, type Tick } from '../../src/warming/planner.js';
import type { Chances, Horizon, Predictor } from '../../src/core/predictor.js';
import { seeded } from '../../../../test/support/random.mjs';

const [TTL, TICK] = [10_000, 1_000];
const ref = (key: string, tenant = 'p'): KeyRef => ({ tenant, cache: 'default', key });

/** As likely as it was asked for, in thousandths. */
class Counting implements Predictor {
  readonly #counts = new Map<number, number>();

  begin(id: number): void {
    this.#counts.set(id, 0);
  }
  observe(id: number, count: number): void {
    this.#counts.set(id, this.#counts.get(id)! + count);
  }
  forget(id: number): void {
    this.#counts.delete(id);
  }
  score(id: number, _horizon: Horizon, into: Chances): void {
    into.soon = 0;
    into.within = this.#counts.get(id)! / 1_000;
  }
}

class Subject {
  readonly planner: Planner;

  constructor(options: Partial<PlannerOptions> = {}) {
    this.planner = new Planner(new Counting(), { random: seeded(1), ...options });
  }

  /** Asked for so often at 0, and fresh until then. */
  has(one: KeyRef, freshUntil: number, count = 50): this {
    const { record } = this.planner;
    const id = record.asked(one, count, 0)!;
    record.stored(id, { freshUntil, ttl: TTL, loadMs: 0, bytes: 0 });
    return this;
  }

  plan(tick: Partial<Tick> = {}): string[] {
    const grants = new Map([['p', 10]]);
    const steps = this.planner.tick({ now: TICK, interval: TICK, grants, ...tick });
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value.map(({ ref: { key, tenant } }) => `${tenant}/${key}`);
    }
  }
}

describe('Planner', () => {
  it('takes what is absent, and what ends before the next plan, but nothing that ends later', () => {
    const subject = new Subject()
      .has(ref('absent'), 0)
      .has(ref('ended'), TICK)
      .has(ref('ends'), 2 * TICK - 1)
      .has(ref('lasts'), 2 * TICK);
    expect(subject.plan().toSorted()).toEqual(['p/absent', 'p/ended', 'p/ends']);
  });

  it('takes the most asked for, as many as were granted', () => {
    const subject = new Subject();
    for (let n = 1; n <= 100; n++) subject.has(ref(`k${n}`), 0, n);
    expect(subject.plan({ grants: new Map([['p', 3]]) })).toEqual(['p/k100', 'p/k99', 'p/k98']);
  });

  it('looks closer at those that are asked for most, where there are many', () => {
    const subject = new Subject({ shortlist: 1 });
    for (let n = 1; n <= 1_000; n++) subject.has(ref(`k${n}`), 0, n);
    expect(subject.plan({ grants: new Map([['p', 2]]) })).toEqual(['p/k1000', 'p/k999']);
  });

  it('gives a tenant what was granted to it, and nothing that was granted to another', () => {
    const subject = new Subject();
    for (const tenant of ['t:a', 't:b', 't:c'])
      for (let n = 0; n < 5; n++) subject.has(ref(`k${n}`, tenant), 0, tenant === 't:c' ? 99 : 50);
    const planned = subject.plan({
      grants: new Map([
        ['t:a', 2],
        ['t:b', 1],
      ]),
    });
    expect(planned).toEqual(['t:a/k0', 't:a/k1', 't:b/k0']);
  });

  it('plans nothing for a tenant nobody was there of for two lives of a key', () => {
    const subject = new Subject().has(ref('k', 't:a'), 0).has(ref('k', 't:b'), 0);
    subject.planner.record.asked(ref('other', 't:b'), 20, TTL);
    const grants = new Map([
      ['t:a', 9],
      ['t:b', 9],
    ]);
    expect(subject.plan({ grants, now: 2 * TTL })).toContain('t:a/k');
    expect(subject.plan({ grants, now: 2 * TTL + 1 })).toEqual(['t:b/k', 't:b/other']);
  });

  it('renews only what is held, where it is told so', () => {
    const subject = new Subject().has(ref('held'), 0).has(ref('not'), 0);
    expect(subject.plan({ mayLoad: ({ key }) => key === 'held' })).toEqual(['p/held']);
  });

  it('leaves alone what is unlikely to be asked for', () => {
    const subject = new Subject().has(ref('often'), 0, 20).has(ref('seldom'), 0, 19);
    expect(subject.plan()).toEqual(['p/often']);
  });

  it('sees whether what it had loaded was asked for past the end of the old value', () => {
    const usedWhenAsked = (at: number): number => {
      const { planner } = new Subject().has(ref('k'), 1_500);
      planner.warmed(planner.record.idOf(ref('k'))!, 1_000, 1_500);
      planner.record.asked(ref('k'), 1, at);
      for (const steps = planner.observe(1_000 + TTL); !steps.next().done;);
      expect(planner.precision.loads.total).toBe(1);
      return planner.precision.loads.used;
    };
    expect([1_499, 1_500].map(usedWhenAsked)).toEqual([0, 1]);
  });

  it('works in steps, however many keys there are', () => {
    const subject = new Subject();
    for (let n = 0; n < 5_000; n++) subject.has(ref(`k${n}`), 0);
    const grants = new Map([['p', 1_000]]);
    const steps = subject.planner.tick({ now: TICK, interval: TICK, grants });
    let taken = 0;
    while (!steps.next().done) taken++;
    expect(taken).toBeGreaterThan(5_000 / 256);
  });
});
