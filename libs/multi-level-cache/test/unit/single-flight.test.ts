/** Which loads of a key may be joined. */
import { beforeEach, expect, it } from 'vitest';
import type { Address } from '../../src/core/key.js';
import type { EntryLife } from '../../src/core/entry-options.js';
import { Flight, SingleFlight } from '../../src/manager/single-flight.js';

const NAME = ['t', 'place', 'k'] as const;
const address = { flight: NAME.join('\u0000') } as Address;
const life = (...tiers: ('l1' | 'l2')[]): EntryLife => ({ tiers }) as unknown as EntryLife;
const load = (of: EntryLife): Flight =>
  new Flight(address, () => Promise.resolve(), of, Infinity, 0, {});

let flights: SingleFlight;
let all: Flight[];
const lives = [life('l1'), life('l2'), life('l1', 'l2')];
beforeEach(() => {
  flights = new SingleFlight();
  all = lives.map(load);
  for (const flight of all) flights.add(flight);
});

const found = (): (Flight | undefined)[] => lives.map((one) => flights.find(address, one));

it('one of many of a key is found by what it loads', () => {
  expect(found()).toEqual(all);
  expect([flights.find(address, life()), flights.size]).toEqual([undefined, 3]);
});

it('of two alike the one that began first', () => {
  flights.add(load(lives[1]));
  expect(flights.find(address, lives[1])).toBe(all[1]);
});

it.each([0, 1, 2])('the one at place %i ends alone, and once', (at) => {
  const rest = all.map((flight, index) => (index === at ? undefined : flight));
  for (let times = 0; times < 2; times++) {
    flights.remove(all[at]);
    expect([found(), flights.size]).toEqual([rest, 2]);
  }
});

it('a key that was written is joined no more, and those who loaded it are told if it was removed', () => {
  const stale = { state: 'stale', entry: { createdAt: 1 } } as never;
  flights.detach(...NAME, true);
  expect([found(), flights.size]).toEqual([[undefined, undefined, undefined], 0]);
  for (const flight of all) flight.hold(stale);
  expect(all.map((flight) => flight.stale)).toEqual([undefined, undefined, undefined]);
  for (const flight of all) flights.remove(flight);
  expect(flights.size).toBe(0);
});

it('a key that was only expired leaves them what stands in', () => {
  flights.detach(...NAME, false);
  all[2].hold({ state: 'stale', entry: { createdAt: 1 } } as never);
  expect([flights.size, all[2].stale]).toEqual([0, { createdAt: 1 }]);
});
