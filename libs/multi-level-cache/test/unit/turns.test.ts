/** Turns: the first few of each millisecond, and none where they have had theirs. */
import { expect, it } from 'vitest';
import { Turns } from '../../src/core/turns.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

it('lets the first four of a millisecond have theirs, and four of the next one', () => {
  const clock = new FakeClock();
  const turns = new Turns(clock);
  const taken = (): number => Array.from({ length: 10 }, () => turns.take()).filter(Boolean).length;
  expect([taken(), taken()]).toEqual([4, 0]);
  clock.advance(1);
  expect([taken(), taken()]).toEqual([4, 0]);
});
