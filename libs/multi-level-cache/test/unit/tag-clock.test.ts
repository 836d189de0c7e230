/** TagClock: bumps before and after a number, and what forgetting costs. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TagClock } from '../../src/coherence/tag-clock.js';

/** Whether a value with these tags is no longer what it was. */
const bumpedSince = (clock: TagClock, tenant: string, tags: string[], change: number): boolean =>
  clock.judge(tenant, tags, change) !== 'valid';

describe('TagClock', () => {
  it('starts with nothing bumped', () => {
    const tags = new TagClock();
    expect(tags.changes).toBe(0);
    expect(bumpedSince(tags, 'p', ['red'], 0)).toBe(false);
  });

  it('tells bumps after a number from those before', () => {
    const tags = new TagClock();
    tags.bump('p', ['red']);
    const between = tags.changes;
    tags.bump('p', ['blue']);
    expect(bumpedSince(tags, 'p', ['red'], 0)).toBe(true);
    expect(bumpedSince(tags, 'p', ['red'], between)).toBe(false);
    expect(bumpedSince(tags, 'p', ['red', 'blue'], between)).toBe(true);
    expect(bumpedSince(tags, 'p', [], 0)).toBe(false);
  });

  it('keeps tenants apart', () => {
    const tags = new TagClock();
    tags.bump('t:a', ['red']);
    expect(bumpedSince(tags, 't:b', ['red'], 0)).toBe(false);
    expect(bumpedSince(tags, 't:a', ['red'], 0)).toBe(true);
  });

  it('is bounded: below its floor every tag counts as bumped, above it none by mistake', () => {
    const tags = new TagClock(3);
    for (let n = 1; n <= 5; n++) tags.bump('p', [`tag${n}`]);
    // Records 1 and 2 are gone: the floor is 2.
    expect(bumpedSince(tags, 'p', ['never bumped'], 1)).toBe(true);
    expect(bumpedSince(tags, 'p', ['never bumped'], 2)).toBe(false);
    expect(bumpedSince(tags, 'p', ['tag1'], 2)).toBe(false);
    expect(bumpedSince(tags, 'p', ['tag3'], 2)).toBe(true);
  });

  it('forgets the least recently bumped tag first', () => {
    const tags = new TagClock(2);
    tags.bump('p', ['a']);
    tags.bump('p', ['b']);
    tags.bump('p', ['a']);
    tags.bump('p', ['c']);
    // Only b (number 2) was forgotten.
    expect(bumpedSince(tags, 'p', ['a'], 2)).toBe(true);
    expect(bumpedSince(tags, 'p', ['b'], 2)).toBe(false);
  });

  it('never calls a bumped tag unbumped, however small it is', () => {
    const tag = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.array(fc.array(tag, { maxLength: 3 })), fc.nat(4), (bumps, limit) => {
        const tags = new TagClock(limit);
        const exact = new Map<string, number>();
        for (const names of bumps) {
          tags.bump('p', names);
          for (const name of names) exact.set(name, tags.changes);
        }
        for (let change = 0; change <= tags.changes; change++) {
          const bumped = [...exact].filter(([, number]) => number > change);
          expect(bumped.every(([name]) => bumpedSince(tags, 'p', [name], change))).toBe(true);
        }
      }),
    );
  });

  it('makes stale by soft bumps what hard bumps remove', () => {
    const tags = new TagClock();
    tags.bump('p', ['red'], true);
    expect(tags.judge('p', ['red'], 0)).toBe('stale');
    expect(tags.judge('p', ['red'], 1)).toBe('valid');
    tags.bump('p', ['red']);
    tags.bump('p', ['red'], true);
    expect(tags.judge('p', ['red'], 1)).toBe('gone');
    expect(tags.judge('p', ['red'], 2)).toBe('stale');
  });
});
