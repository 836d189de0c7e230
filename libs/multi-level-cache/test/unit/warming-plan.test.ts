/** The plan, a function of its candidates: what is taken, in which order, and why. */
import { describe, expect, it } from 'vitest';
import { plan, type Candidate } from '../../src/warming/plan.js';

const candidate = (id: number, within: number, others: Partial<Candidate> = {}): Candidate => ({
  id,
  ref: { tenant: 'p', cache: 'default', key: `k${id}` },
  soon: 0,
  within,
  left: 0,
  ttl: 1_000,
  loadMs: 0,
  bytes: 0,
  ...others,
});
const ids = (planned: readonly { id: number }[]): number[] => planned.map(({ id }) => id);
const ALL = { tokens: 100, leastChance: 0 };

describe('plan', () => {
  it('takes the most likely ones, as many as there are tokens', () => {
    const candidates = [0.1, 0.9, 0.5, 0.7].map((within, id) => candidate(id, within));
    expect(ids(plan(candidates, ALL))).toEqual([1, 3, 2, 0]);
    expect(ids(plan(candidates, { ...ALL, tokens: 2 }))).toEqual([1, 3]);
    expect(plan(candidates, { ...ALL, tokens: 0 })).toEqual([]);
    expect(plan(candidates, { ...ALL, tokens: -1 })).toEqual([]);
  });

  it('says the same each time, and changes nothing it was given', () => {
    const candidates = Object.freeze(
      [0.3, 0.2, 0.8, 0.8].map((within, id) => Object.freeze(candidate(id, within))),
    );
    expect(plan(candidates, ALL)).toEqual(plan(candidates.toReversed(), ALL));
  });

  it('takes the smaller number among equals, also where not all of them have a place', () => {
    const candidates = [4, 2, 3, 1].map((id) => candidate(id, 0.5));
    expect(ids(plan(candidates, ALL))).toEqual([1, 2, 3, 4]);
    expect(ids(plan(candidates, { ...ALL, tokens: 3 }))).toEqual([1, 2, 3]);
  });

  it('prefers what is asked for sooner among equals', () => {
    const candidates = [candidate(1, 0.5), candidate(2, 0.5, { soon: 0.4 })];
    expect(ids(plan(candidates, ALL))).toEqual([2, 1]);
  });

  it('leaves alone what is unlikely, or will not be asked for at all', () => {
    const candidates = [0, 0.01, 0.02, 0.3].map((within, id) => candidate(id, within));
    expect(ids(plan(candidates, { ...ALL, leastChance: 0.02 }))).toEqual([3, 2]);
    expect(ids(plan(candidates, ALL))).not.toContain(0);
  });

  it.each([
    [0.95, 'critical'],
    [0.6, 'high'],
    [0.3, 'normal'],
    [0.1, 'low'],
    [0.09, 'background'],
  ])('calls a chance of %d %s', (within, priority) => {
    expect(plan([candidate(0, within)], ALL)[0].priority).toBe(priority);
  });

  it('says whether there is no value, or one that ends', () => {
    const planned = plan([candidate(0, 0.5), candidate(1, 0.4, { left: 5 })], ALL);
    expect(planned.map(({ reason }) => reason)).toEqual(['absent', 'expiring']);
  });

  it('values a load more that takes longer, but at most twice as much', () => {
    const [dear, cheap, unknown] = [1_000, 1, 0].map((loadMs, id) =>
      candidate(id, 0.5, { loadMs }),
    );
    expect(ids(plan([cheap, unknown, dear], ALL))).toEqual([0, 2, 1]);
    const likely = candidate(9, 0.9);
    const rare = Array.from({ length: 20 }, (_none, id) => candidate(10 + id, 0.1, { loadMs: 1 }));
    const dearest = candidate(8, 0.4, { loadMs: 1e9 });
    expect(ids(plan([dearest, likely, ...rare], ALL)).slice(0, 2)).toEqual([9, 8]);
  });

  it('values a large value less, and not a small one more', () => {
    const candidates = [2 ** 20, 2 ** 16, 1].map((bytes, id) => candidate(id, 0.5, { bytes }));
    const [first, second, third] = plan(candidates, ALL);
    expect([first.id, second.id, third.id]).toEqual([1, 2, 0]);
    expect(first.value).toBe(second.value);
    expect(third.value).toBeCloseTo(first.value / 16);
  });
});
