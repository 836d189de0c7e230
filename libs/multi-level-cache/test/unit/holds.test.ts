/** Keys that are being written: held until the last of their writers is done or out of time. */
import { expect, it } from 'vitest';
import { Holds } from '../../src/coherence/holds.js';

it('holds a key until its writer frees it or its time is up, and no other key', () => {
  const holds = new Holds();
  holds.hold('s', 'k', 'a', 100, 0);
  expect([holds.has('s', 'k', 99), holds.has('s', 'k', 100)]).toEqual([true, false]);
  expect([holds.has('s', 'other', 0), holds.has('t', 'k', 0)]).toEqual([false, false]);
  holds.free('s', 'k', 'a');
  expect(holds.has('s', 'k', 0)).toBe(false);
});

it('holds it for two writers until both are done; a renewed hold lasts longer', () => {
  const holds = new Holds();
  holds.hold('s', 'k', 'a', 100, 0);
  holds.hold('s', 'k', 'b', 50, 0);
  holds.hold('s', 'k', 'b', 200, 40);
  holds.free('s', 'k', 'a');
  expect([holds.has('s', 'k', 150), holds.has('s', 'k', 200)]).toEqual([true, false]);
  holds.free('s', 'k', 'nobody');
  expect(holds.has('s', 'k', 150)).toBe(true);
});

it('holds everything where too many keys are held to tell them apart, until the last of those holds ends', () => {
  const holds = new Holds(2);
  holds.hold('s', 'a', 'x', 100, 0);
  holds.hold('s', 'b', 'x', 200, 0);
  holds.hold('s', 'c', 'x', 50, 0);
  expect([holds.has('s', 'any', 199), holds.has('s', 'any', 200)]).toEqual([true, false]);
  expect([holds.has('s', 'c', 49), holds.has('s', 'c', 200)]).toEqual([true, false]);
});

it('makes room of what is over first', () => {
  const holds = new Holds(2);
  holds.hold('s', 'a', 'x', 100, 0);
  holds.hold('s', 'b', 'x', 200, 0);
  holds.hold('s', 'c', 'x', 300, 150);
  expect([holds.has('s', 'any', 150), holds.has('s', 'b', 150)]).toEqual([false, true]);
});
