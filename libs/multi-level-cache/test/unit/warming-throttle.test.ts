/** Throttle: what each input does to warming's share of its budget, and how it comes back. */
import { describe, expect, it } from 'vitest';
import { Throttle, type Readings } from '../../src/warming/throttle.js';

const GREEN: Readings = {
  loopDelayMs: 19,
  loopUtilisation: 0.59,
  heap: 0.69,
  l2Latency: 1.9,
  l2Open: false,
  l3Open: false,
  poolWaiting: 0,
  poolIdle: 0.25,
  loadErrors: 0.009,
  missRate: 3,
};
const RED: Readings = {
  loopDelayMs: 51,
  loopUtilisation: 0.86,
  heap: 0.86,
  l2Latency: 4.1,
  l2Open: true,
  l3Open: true,
  poolWaiting: 1,
  loadErrors: 0.051,
  missRate: 3.1,
};
/** At both bounds, where there are two. */
const AMBER: readonly Readings[] = [
  { loopDelayMs: 20 },
  { loopDelayMs: 50 },
  { loopUtilisation: 0.6 },
  { loopUtilisation: 0.85 },
  { heap: 0.7 },
  { heap: 0.85 },
  { l2Latency: 2 },
  { l2Latency: 4 },
  { poolIdle: 0.24 },
  { poolIdle: 0 },
  { loadErrors: 0.01 },
  { loadErrors: 0.05 },
];
const reds = Object.entries(RED).map(([name, value]): [string, Readings] => [
  name,
  { ...GREEN, [name]: value },
]);
const lasting = reds.filter(([name]) => name !== 'missRate');

/** After these ticks. */
function throttled(...ticks: readonly Readings[]): Throttle {
  const throttle = new Throttle();
  for (const readings of ticks) throttle.tick(readings);
  return throttle;
}

const times = (count: number, readings: Readings): Readings[] =>
  Array.from({ length: count }, () => readings);

it('all may be spent before anything is known, and while all is well', () => {
  expect(new Throttle()).toMatchObject({ factor: 1, reasons: [] });
  expect(throttled(...times(30, GREEN))).toMatchObject({ factor: 1, reasons: [] });
});

describe.each(reds)('%s alone', (name, red) => {
  it('leaves a tenth at most within two ticks, and is named', () => {
    const throttle = throttled(red, red);
    expect(throttle.factor).toBeLessThanOrEqual(0.1);
    expect(throttle.reasons).toEqual([name]);
  });

  it('is no reason any more after a tick without it; all is back within twenty', () => {
    const throttle = throttled(...times(50, red), GREEN);
    expect(throttle.reasons).toEqual([]);
    for (const readings of times(19, GREEN)) throttle.tick(readings);
    expect(throttle.factor).toBe(1);
  });
});

it.each(lasting)('%s leaves a quarter a tick, and never nothing', (_name, red) => {
  expect(throttled(red).factor).toBe(0.25);
  expect(throttled(red, red).factor).toBe(0.0625);
  expect(throttled(...times(50, red)).factor).toBe(0.01);
});

it('a green tick gives a tenth back, and not all at once', () => {
  const red = { heap: 0.9 };
  expect(throttled(red, GREEN).factor).toBeCloseTo(0.35);
  expect(throttled(red, red, ...times(9, GREEN)).factor).toBeLessThan(1);
});

it.each(AMBER)('%o alone changes nothing, up or down', (amber) => {
  expect(throttled({ ...GREEN, ...amber })).toMatchObject({ factor: 1, reasons: [] });
  expect(throttled({ heap: 0.9 }, { ...GREEN, ...amber })).toMatchObject({
    factor: 0.25,
    reasons: [],
  });
});

it('one red input is enough, and several cost no more than one', () => {
  const throttle = throttled({ ...GREEN, heap: 0.9, loopDelayMs: 30, l3Open: true });
  expect(throttle.factor).toBe(0.25);
  expect(throttle.reasons.toSorted()).toEqual(['heap', 'l3Open']);
});

describe('what is not known', () => {
  const names = Object.keys(GREEN);

  it.each(names)('%s: is no reason', (name) => {
    for (const unknown of [undefined, Number.NaN])
      expect(throttled({ ...GREEN, [name]: unknown })).toMatchObject({ factor: 1, reasons: [] });
  });

  it.each(names)('%s: keeps nothing back', (name) => {
    for (const unknown of [undefined, Number.NaN]) {
      const throttle = throttled({ heap: 0.9 }, { ...GREEN, [name]: unknown });
      expect(throttle.factor).toBeCloseTo(0.35);
    }
  });

  it('an input that is all that is known is judged', () => {
    expect(throttled({ l2Open: true }).factor).toBe(0.25);
  });
});

describe('many more misses than usual', () => {
  const misses = { ...GREEN, missRate: 3.1 };

  it('pause warming for that tick, which then goes on where it was', () => {
    expect(throttled(misses)).toMatchObject({ factor: 0, reasons: ['missRate'] });
    expect(throttled(misses, GREEN)).toMatchObject({ factor: 1, reasons: [] });
    const amber = { ...GREEN, heap: 0.8 };
    expect(throttled({ heap: 0.9 }, misses, misses, amber).factor).toBe(0.25);
  });

  it('hide no other trouble', () => {
    const both = { ...misses, l2Open: true };
    expect(throttled(both)).toMatchObject({ factor: 0, reasons: ['l2Open', 'missRate'] });
    expect(throttled(both, { ...GREEN, heap: 0.8 }).factor).toBe(0.25);
  });
});
