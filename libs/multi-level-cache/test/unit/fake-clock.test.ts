/** FakeClock: timers in the order they fall due. */
import { expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.js';

it('runs due timers in order, each at its time, also those set on the way', () => {
  const clock = new FakeClock();
  const start = clock.now();
  const ran: [string, number][] = [];
  const note = (name: string): void => {
    ran.push([name, clock.now() - start]);
  };
  clock.after(30, () => note('late'));
  clock.after(10, () => {
    note('early');
    clock.after(5, () => note('nested'));
  });
  clock.after(20, () => note('cancelled')).cancel();
  clock.after(10, () => note('second'));
  clock.advance(25);
  expect(ran).toEqual([
    ['early', 10],
    ['second', 10],
    ['nested', 15],
  ]);
  expect(clock.now() - start).toBe(25);
  clock.advance(5);
  expect(ran.at(-1)).toEqual(['late', 30]);
});
