/** Values: what may be cached, how it is frozen, copied and measured, and what an entry is made of. */
import { describe, expect, it } from 'vitest';
import { capped, createEntry, handOut } from '../../src/core/entry.js';
import { deepCopy, deepFreeze, inspect } from '../../src/core/value.js';
import { VALUE_KINDS } from '../../src/testing/contract-values.js';

const UNCACHEABLE = expect.objectContaining({ code: 'CACHE_VALUE_UNCACHEABLE' });
const LIFE = { ttl: 100, grace: 50, tags: ['red'] };

function circle(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

describe('inspect', () => {
  it.each<[string, unknown]>([
    ['a function', { run: () => 1 }],
    ['a symbol', [Symbol('x')]],
    ['a member named by a symbol', { [Symbol('x')]: 1 }],
    ['an instance of a class', new (class Product {})()],
    ['an error', new Error('no')],
    ['a regular expression', /x/],
    ['a promise', Promise.resolve(1)],
    ['a weak map', new WeakMap()],
    ['a subclass of Date', new (class Day extends Date {})()],
    ['a subclass of Map', new (class Bag extends Map {})()],
    ['a circle', circle()],
    ['a circle through a map', new Map([['a', [circle()]]])],
    ['a member named __proto__', JSON.parse('{"__proto__": {"admin": true}}')],
    ['too deep nesting', nested(300)],
  ])('refuses %s', (_what, value) => {
    expect(() => inspect(value)).toThrow(UNCACHEABLE);
  });

  it.each([0, 7, 8, 100])('calls a circle a circle %i levels down', (depth) => {
    let value: unknown = circle();
    for (let level = 0; level < depth; level++) value = [value];
    expect(() => inspect(value)).toThrow('a circular reference');
  });

  it('takes one object twice when it is no circle', () => {
    const shared = { a: 1 };
    expect(inspect([shared, shared])).toMatchObject({ rich: false, copied: false });
  });

  it.each<[string, unknown, boolean, boolean]>([
    ['plain data', { a: [1, 'x', null, true] }, false, false],
    ['undefined members', { a: undefined }, true, false],
    ['NaN', [NaN], true, false],
    ['-0', [-0], true, false],
    ['bigints', [1n], true, false],
    ['a member named $', { $: 1 }, true, false],
    ['dates', [new Date()], true, true],
    ['buffers', Buffer.from('a'), true, true],
  ])(
    'tells of %s whether JSON changes it and freezing protects it',
    (_what, value, rich, copied) => {
      expect(inspect(value)).toMatchObject({ rich, copied });
    },
  );

  it('measures more for more', () => {
    const small = inspect({ a: 'x' }).bytes;
    expect(inspect({ a: 'x'.repeat(1_000) }).bytes).toBeGreaterThanOrEqual(small + 999);
    expect(inspect(Buffer.alloc(5_000)).bytes).toBeGreaterThan(5_000);
    expect(inspect(new Map([['a', 'x'.repeat(100)]])).bytes).toBeGreaterThan(100);
  });
});

describe('deepCopy', () => {
  it.each(Object.entries(VALUE_KINDS))('copies %s', (_kind, make) => {
    expect(deepCopy(make())).toStrictEqual(make());
  });

  it('shares nothing that can be changed', () => {
    const given = { list: [1], map: new Map([['a', { b: 1 }]]), bytes: Buffer.from('ab') };
    const copy = deepCopy(given);
    copy.list.push(2);
    copy.map.get('a')!.b = 2;
    copy.bytes.fill(0);
    expect(given).toEqual({ list: [1], map: new Map([['a', { b: 1 }]]), bytes: Buffer.from('ab') });
  });

  it('takes the part of a buffer that a view shows, and no more', () => {
    const view = new Uint8Array(new Uint8Array([9, 8, 7, 6]).buffer, 1, 2);
    expect(deepCopy(view).buffer.byteLength).toBe(2);
  });
});

describe('deepFreeze', () => {
  it('freezes all the way down, also below what is frozen already', () => {
    const value = Object.freeze({ inner: { list: [{ a: 1 }] } });
    deepFreeze(value);
    expect([value.inner, value.inner.list, value.inner.list[0]].every(Object.isFrozen)).toBe(true);
  });
});

describe('createEntry', () => {
  it('copies what its giver keeps, and freezes what a loader made', () => {
    const given = { a: 1 };
    expect(createEntry(given, LIFE, 0, 0, true).value).not.toBe(given);
    expect(Object.isFrozen(given)).toBe(false);
    expect(createEntry(given, LIFE, 0, 0, false).value).toBe(given);
    expect(Object.isFrozen(given)).toBe(true);
  });

  it('counts its life from now', () => {
    expect(createEntry(1, LIFE, 1_000, 5, false)).toMatchObject({
      createdAt: 1_000,
      freshUntil: 1_100,
      staleUntil: 1_150,
      loadMs: 5,
      tags: ['red'],
    });
  });

  it('refuses undefined and takes null', () => {
    expect(() => createEntry(undefined, LIFE, 0, 0, true)).toThrow(UNCACHEABLE);
    expect(createEntry(null, LIFE, 0, 0, true).value).toBeNull();
  });

  it('hands out copies of what cannot be frozen', () => {
    const entry = createEntry(new Date(1), LIFE, 0, 0, false);
    expect(handOut(entry)).toEqual(new Date(1));
    expect(handOut(entry)).not.toBe(entry.value);
  });
});

describe('capped', () => {
  it('shortens a life and never lengthens one', () => {
    const entry = createEntry(1, LIFE, 1_000, 0, false);
    expect(capped(entry, 1_010, 500)).toBe(entry);
    expect(capped(entry, 1_010, 20)).toMatchObject({ freshUntil: 1_030, staleUntil: 1_080 });
  });
});
