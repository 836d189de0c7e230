/** Which keys are followed: bounded, cheap to tell, and each told to the predictor once. */
import { describe, expect, it } from 'vitest';
import { AccessRecord } from '../../src/warming/access-record.js';
import { hotKeyOf, type HotKey, type KeyRef } from '../../src/warming/key-ref.js';
import { Sketch } from '../../src/warming/sketch.js';

const ref = (key: string, tenant = 'p', cache = 'default'): KeyRef => ({ tenant, cache, key });
const tidy = (record: AccessRecord, now: number): void => {
  for (const steps = record.tidy(now); !steps.next().done;);
};
const hottest = (record: AccessRecord, now: number, most: number): HotKey[] => {
  for (const steps = record.hottest(now, most); ;) {
    const { done, value } = steps.next();
    if (done) return value.map(([one, count]) => hotKeyOf(one, count));
  }
};
const taken = (record: AccessRecord, most?: number): [string, number, number][] => {
  const told: [string, number, number][] = [];
  record.take((id, count, at) => told.push([record.refOf(id)!.key, count, at]), most);
  return told;
};

describe('AccessRecord', () => {
  it('tells each key once, with how often it was asked for and when last', () => {
    const record = new AccessRecord();
    record.asked(ref('a'), 1, 10);
    record.asked(ref('b'), 2, 20);
    record.asked(ref('a'), 3, 30);
    expect(taken(record)).toEqual([
      ['a', 4, 30],
      ['b', 2, 20],
    ]);
    expect(taken(record)).toEqual([]);
  });

  it('tells a few at a time, and the rest after them', () => {
    const record = new AccessRecord();
    ['a', 'b', 'c'].forEach((key) => record.asked(ref(key), 1, 1));
    expect(record.take(() => undefined, 2)).toBe(true);
    expect(taken(record, 2)).toEqual([['c', 1, 1]]);
  });

  it('keeps the same key of two tenants and of two caches apart', () => {
    const record = new AccessRecord();
    const ids = [ref('k', 't:a'), ref('k', 't:b'), ref('k', 't:a', 'other')].map((one) =>
      record.asked(one, 1, 1),
    );
    expect(new Set(ids).size).toBe(3);
    expect(record.idOf(ref('k', 't:b'))).toBe(ids[1]);
    expect(record.idOf(ref('k', 't:c'))).toBeUndefined();
  });

  it('follows no more keys than its limit, whatever comes', () => {
    const record = new AccessRecord(undefined, 100);
    for (let n = 0; n < 10_000; n++) {
      record.asked(ref(`k${n % 3_000}`), 1 + (n % 5), n);
      expect(record.size).toBeLessThanOrEqual(100);
      if (n % 500 === 0) tidy(record, n);
    }
    expect(record.end).toBeLessThanOrEqual(100);
  });

  it('gives a place to a newcomer that comes again, and takes it from the least asked for', () => {
    const record = new AccessRecord(undefined, 20);
    for (let n = 0; n < 20; n++) record.asked(ref(`k${n}`), n + 1, 1);
    expect(record.asked(ref('new'), 1, 2)).toBeUndefined();
    expect(record.asked(ref('new'), 1, 3)).toBeDefined();
    expect(record.idOf(ref('k0'))).toBeUndefined();
    expect(record.idOf(ref('k19'))).toBeDefined();
  });

  it('has no place for a newcomer where no key is asked for less than others', () => {
    const record = new AccessRecord(undefined, 20);
    for (let n = 0; n < 20; n++) record.asked(ref(`k${n}`), 1, 1);
    for (let n = 0; n < 3; n++) expect(record.asked(ref('new'), 1, 1)).toBeUndefined();
    expect(record.size).toBe(20);
  });

  it('makes room once between two plans', () => {
    const record = new AccessRecord(undefined, 20);
    for (let n = 0; n < 20; n++) record.asked(ref(`k${n}`), n + 1, 1);
    const newcomers = ['x', 'y', 'z'].map((key) => {
      record.asked(ref(key), 1, 2);
      return record.asked(ref(key), 1, 2);
    });
    expect(newcomers.filter((id) => id === undefined)).toHaveLength(2);
    taken(record);
    expect(record.asked(ref('z'), 1, 3)).toBeDefined();
  });

  it('tells which numbers begin to stand for a key, and which no longer do', () => {
    const [begun, forgotten]: [number[], number[]] = [[], []];
    const followers = {
      begin: (id: number) => void begun.push(id),
      forget: (id: number) => void forgotten.push(id),
    };
    const record = new AccessRecord(followers, 10);
    for (let n = 0; n < 10; n++) record.asked(ref(`k${n}`), n + 1, 1);
    tidy(record, 2);
    expect(begun).toHaveLength(10);
    expect(forgotten).toEqual([0]);
    expect(record.asked(ref('new'), 1, 3)).toBe(0);
    expect(record.countOf(0, 3)).toBeCloseTo(1);
  });

  it('lets go of a key nobody has asked for in many lives of its value', () => {
    const record = new AccessRecord(undefined, 10, 1_000);
    const id = record.asked(ref('k'), 1_000, 0)!;
    record.stored(id, { freshUntil: 100, ttl: 100, loadMs: 1, bytes: 1 });
    tidy(record, 6_400);
    expect(record.size).toBe(1);
    tidy(record, 6_401);
    expect(record.size).toBe(0);
    expect(record.idOf(ref('k'))).toBeUndefined();
  });

  it('halves counts with each half-life, and orders by them', () => {
    const record = new AccessRecord(undefined, 10, 1_000);
    record.asked(ref('old'), 8, 0);
    record.asked(ref('new'), 3, 2_000);
    expect(hottest(record, 2_000, 5)).toEqual([
      ['p', 'default', 'new', 3],
      ['p', 'default', 'old', 2],
    ]);
    expect(hottest(record, 2_000, 1)).toEqual([['p', 'default', 'new', 3]]);
  });

  it('keeps the larger count where lists meet', () => {
    const record = new AccessRecord();
    record.asked(ref('a'), 5, 0);
    record.asked(ref('b'), 5, 0);
    const kept: HotKey[] = [
      ['p', 'default', 'a', 2],
      ['p', 'default', 'b', 9],
      ['p', 'default', 'c', 1],
    ];
    record.merge(kept, 0);
    record.merge(kept, 0);
    expect(hottest(record, 0, 9)).toEqual([
      ['p', 'default', 'b', 9],
      ['p', 'default', 'a', 5],
      ['p', 'default', 'c', 1],
    ]);
  });
});

describe('Sketch', () => {
  it('never counts less than there was', () => {
    const sketch = new Sketch();
    for (let n = 0; n < 5_000; n++) sketch.add(`other${n}`);
    for (let times = 1; times <= 50; times++)
      expect(sketch.add('name')).toBeGreaterThanOrEqual(times);
  });

  it('tells a name that comes again from one that is new, mostly', () => {
    const sketch = new Sketch();
    for (let n = 0; n < 5_000; n++) sketch.add(`other${n}`);
    const news = Array.from({ length: 1_000 }, (_none, n) => sketch.add(`new${n}`));
    expect(news.filter((count) => count === 1).length).toBeGreaterThan(950);
  });

  it('halves what it has counted now and then', () => {
    const sketch = new Sketch();
    for (let n = 0; n < 100; n++) sketch.add('name');
    for (let n = 0; n < 8 * 2 ** 14 - 100; n++) sketch.add('often');
    expect(sketch.add('name')).toBe(51);
  });
});
