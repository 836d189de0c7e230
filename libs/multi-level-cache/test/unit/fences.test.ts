/** Fences: what voids a ticket, and what does not. */
import { describe, expect, it } from 'vitest';
import { Fences } from '../../src/coherence/fences.js';
import { hashOf } from '../../src/core/hash.js';

const [SCOPE, ELSEWHERE] = [hashOf('scope'), hashOf('elsewhere')];

describe('Fences', () => {
  it('holds a ticket while nothing changes', () => {
    const fences = new Fences();
    expect(fences.holds(fences.ticket(SCOPE, 'key'))).toBe(true);
  });

  it('voids tickets of a written key only', () => {
    const fences = new Fences();
    const written = fences.ticket(SCOPE, 'key');
    const other = fences.ticket(SCOPE, 'other');
    const elsewhere = fences.ticket(ELSEWHERE, 'key');
    fences.bump(SCOPE, 'key');
    expect([written, other, elsewhere].map((ticket) => fences.holds(ticket))).toEqual([
      false,
      true,
      true,
    ]);
    expect(fences.holds(fences.ticket(SCOPE, 'key'))).toBe(true);
  });

  it('voids every ticket by one step of the generation', () => {
    const fences = new Fences();
    const tickets = ['a', 'b', 'c'].map((key) => fences.ticket(SCOPE, key));
    const { generation } = fences;
    fences.bumpAll();
    expect(tickets.some((ticket) => fences.holds(ticket))).toBe(false);
    expect(fences.generation).toBe(generation + 1);
  });

  it('spreads keys evenly over its stripes', () => {
    const fences = new Fences();
    const stripes = new Set<number>();
    for (let n = 0; n < 65_536; n++) stripes.add(fences.ticket(SCOPE, `product:${n}`).stripe);
    // Even spreading leaves 1 - 1/e of the stripes in use.
    expect(stripes.size).toBeGreaterThan(40_000);
    expect(Math.max(...[...stripes].slice(0, 1_000))).toBeLessThan(65_536);
  });
});
