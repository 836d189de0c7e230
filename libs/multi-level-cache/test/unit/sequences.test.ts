/** Which messages have been heard: each once, in any order that servers make, and no more remembered than promised. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sequences } from '../../src/coherence/sequences.js';

describe('a message', () => {
  it('is new once, in whichever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4_000 })), (all) => {
        const heard = new Sequences();
        const known = new Set<number>();
        for (const sequence of all) {
          expect(heard.hear('a', sequence)).toBe(known.has(sequence) ? 'heard' : 'new');
          known.add(sequence);
        }
      }),
    );
  });

  it('of another sender is another one', () => {
    const heard = new Sequences();
    expect([heard.hear('a', 7), heard.hear('b', 7), heard.hear('a', 7)]).toEqual([
      'new',
      'new',
      'heard',
    ]);
  });

  it('far behind is late, whether it was heard or not', () => {
    const heard = new Sequences();
    for (const sequence of [1, 10, 100_000]) heard.hear('a', sequence);
    expect([1, 2, 10, 100_000 - 4_096].map((at) => heard.hear('a', at))).toEqual(
      Array(4).fill('late'),
    );
    expect(heard.hear('a', 100_000 - 4_095)).toBe('new');
    expect(heard.hear('a', 100_000 - 4_095)).toBe('heard');
    expect(heard.hear('a', Number.MAX_SAFE_INTEGER)).toBe('new');
  });
});

it('what a copy hears the other one has not heard', () => {
  const heard = new Sequences();
  heard.hear('a', 1);
  const copy = heard.copy();
  expect([copy.hear('a', 1), copy.hear('a', 2), copy.hear('b', 1)]).toEqual([
    'heard',
    'new',
    'new',
  ]);
  expect([heard.hear('a', 2), heard.knows('b')]).toEqual(['new', false]);
});

it('forgets the sender that has been silent for longest', () => {
  const heard = new Sequences();
  for (let at = 0; at < 1_000; at++) heard.hear(`s${at}`, 1);
  heard.hear('s0', 2);
  heard.hear('one more', 1);
  expect([heard.knows('s0'), heard.knows('s1'), heard.knows('s2')]).toEqual([true, false, true]);
});
