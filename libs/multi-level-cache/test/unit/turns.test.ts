/** Turns: the first of each millisecond, and none after it. */
import { expect, it } from 'vitest';
import { Turns } from '../../src/core/turns.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

it('lets the first of a millisecond have its turn, and the first of the next one', () => {
  const clock = new FakeClock();
  const turns = new Turns(clock);
  const taken = (): number => Array.from({ length: 10 }, () => turns.take()).filter(Boolean).length;
  expect([taken(), taken()]).toEqual([1, 0]);
  clock.advance(1);
  expect([taken(), taken()]).toEqual([1, 0]);
});
