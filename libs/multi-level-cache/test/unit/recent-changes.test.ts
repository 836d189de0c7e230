/** Own changes of the last seconds: what a store may have lost is known, or it is known that it is not. */
import { expect, it } from 'vitest';
import { RecentChanges } from '../../src/coherence/recent-changes.js';
import type { Change } from '../../src/core/tier.js';

const bump = (tag: string): Change => ({ kind: 'tags', tenant: 'p', tags: [tag] });

it('keeps changes for ten seconds, oldest first', () => {
  const recent = new RecentChanges();
  recent.add(bump('a'), 0);
  recent.add(bump('b'), 5_000);
  expect(recent.all(10_000)).toEqual([bump('a'), bump('b')]);
  expect(recent.all(10_001)).toEqual([bump('b')]);
  expect(recent.all(20_000)).toEqual([]);
});

it('says for as long that it is not complete when one had to go for want of room', () => {
  const recent = new RecentChanges(2);
  recent.add(bump('a'), 0);
  recent.add(bump('b'), 1_000);
  expect(recent.complete(1_000)).toBe(true);
  recent.add(bump('c'), 2_000);
  expect(recent.all(2_000)).toEqual([bump('b'), bump('c')]);
  expect([recent.complete(2_000), recent.complete(10_000), recent.complete(10_001)]).toEqual([
    false,
    false,
    true,
  ]);
});

it('makes room of what is old without forgetting anything that counts', () => {
  const recent = new RecentChanges(2);
  recent.add(bump('a'), 0);
  recent.add(bump('b'), 1_000);
  recent.add(bump('c'), 20_000);
  expect(recent.complete(20_000)).toBe(true);
});
