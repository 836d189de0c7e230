/** The figure at a place in the order of size, as sorting would give it. */
import { describe, expect, it } from 'vitest';
import { atRank } from '../../src/warming/select.js';
import { seeded } from '../../../../test/support/random.mjs';

describe('atRank', () => {
  it('finds what sorting finds, also among equals', () => {
    const random = seeded(7);
    for (let round = 0; round < 2_000; round++) {
      const kinds = 1 + Math.floor(random() * 20);
      const figures = Float64Array.from({ length: 1 + Math.floor(random() * 30) }, () =>
        Math.floor(random() * kinds),
      );
      const rank = Math.floor(random() * figures.length);
      expect(atRank(figures.slice(), rank)).toBe(figures.toSorted()[rank]);
    }
  });
});
