/** The rule by which L3 is read before a loader, or not. */
import { describe, expect, it } from 'vitest';
import { Earning } from '../../src/manager/earning.js';

function measured(hitShare: number, lookupMs: number, loadMs: number): Earning {
  const earning = new Earning();
  for (let n = 0; n < 1_000; n++) {
    earning.looked(n % 100 < hitShare * 100, lookupMs, n);
    earning.loaded(loadMs);
  }
  return earning;
}

describe('L3', () => {
  it('is always read until it has been measured', () => {
    const earning = new Earning();
    for (let n = 0; n < 199; n++) {
      earning.looked(false, 5, 0);
      earning.loaded(1);
      expect(earning.pays).toBe(true);
    }
    earning.looked(false, 5, 0);
    expect(earning.pays).toBe(false);
  });

  it.each([
    ['often hit and faster than the loader', 0.5, 2, 50, true],
    ['never hit', 0, 2, 50, false],
    ['slower than the loader', 0.9, 20, 5, false],
    ['seldom hit, before a very slow loader', 0.1, 1, 500, true],
  ])('%s', (_what, share, lookup, load, reads) => {
    expect(measured(share, lookup, load).pays).toBe(reads);
  });

  it('is read again when it has become useful', () => {
    const useful = measured(0, 2, 50);
    for (let n = 0; n < 50; n++) useful.looked(true, 2, 0);
    expect(useful.pays).toBe(true);
  });

  it('could pay where loading takes longer than looking, and else never', () => {
    expect(measured(0, 2, 50).couldPay).toBe(true);
    expect(measured(1, 2, 1).couldPay).toBe(false);
    expect(new Earning().couldPay).toBe(true);
  });
});
