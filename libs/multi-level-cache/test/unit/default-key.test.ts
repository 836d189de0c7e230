/** Default keys: equal arguments give equal keys, different ones different keys, and nothing is guessed. */
import { isDeepStrictEqual } from 'node:util';
import { anything, assert, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCacheError } from '../../src/core/errors.js';
import { textFault } from '../../src/core/key.js';
import { defaultKey, DefaultKeys } from '../../src/core/default-key.js';
import { keyTemplate } from '../../src/nest/decorators/key-template.js';

const key = (...args: unknown[]): string => defaultKey('Class#method', args);

class Money {
  readonly amount = 1;
}

it('default keys that are remembered are those that are spelled', () => {
  const keys = new DefaultKeys('Class#method');
  const single = [
    '1',
    1,
    0,
    -0,
    0.5,
    NaN,
    Infinity,
    '',
    'x'.repeat(64),
    'x'.repeat(65),
    true,
    null,
    'a\u0000',
  ];
  const calls: unknown[][] = [...single.map((value) => [value]), [], ['1', undefined], ['1', '2']];
  // Asked for twice, and 0 before -0, which a map takes for the same.
  for (const args of [...calls, ...calls]) expect(keys.of(args)).toBe(key(...args));
  for (let id = 1; id < 5_000; id++) expect(keys.of([id])).toBe(key(id));
});

describe('defaultKey', () => {
  it('keeps apart what looks alike', () => {
    const different: unknown[][] = [
      [],
      [undefined],
      [null],
      [undefined, undefined],
      [0],
      [-0],
      [NaN],
      [Infinity],
      [-Infinity],
      ['0'],
      [0n],
      [1],
      [true],
      ['true'],
      [false],
      [''],
      ['u'],
      ['n'],
      [[]],
      [{}],
      [new Map()],
      [new Set()],
      [[undefined]],
      [[null]],
      [Object.assign([], { length: 1 })],
      [{ a: undefined }],
      [{ a: null }],
      ['a', 'b'],
      ['a,b'],
      ['s1:b'],
      [['a', 'b']],
      [['a,b']],
      [['a'], 'b'],
      [{ a: 1, b: 2 }],
      [{ a: { b: 2 } }],
      [new Date(0)],
      [new Date(Number.NaN)],
      [new Map([['a', 1]])],
      [new Map([['a', '1']])],
      [new Set(['a'])],
      [Buffer.from('a')],
      [new Uint8Array([97])],
      [new Uint16Array([97])],
      ['\uD800'],
      ['\uD801'],
      ['\n'],
      ['\r'],
      ['é'],
      ['e\u0301'],
      [
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      ],
      [
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ],
      // eslint-disable-next-line no-sparse-arrays
      [[, 1]],
      [[undefined, 1]],
    ];
    const keys = different.map((args) => key(...args));
    expect(new Set(keys).size).toBe(different.length);
  });

  it('does not look at the order of members, nor at the prototype of a plain object', () => {
    expect(key({ a: 1, b: { c: 2, d: 3 } })).toBe(key({ b: { d: 3, c: 2 }, a: 1 }));
    expect(key(Object.assign(Object.create(null) as object, { a: 1 }))).toBe(key({ a: 1 }));
  });

  it('is readable where it can be', () => {
    expect(key('p1', 3, { deep: [true] })).toBe('Class#method(s2:p1,d3,o1{4:deep=a1[t]})');
  });

  it('is a valid key for any argument, however long or strange', () => {
    for (const text of ['x'.repeat(5_000), '\u0000', '\uDC00', '\u2028']) {
      expect(textFault(key(text))).toBeUndefined();
    }
  });

  it('is injective over plain data', () => {
    const plain = anything({ withDate: true, withMap: true, withSet: true, withBigInt: true });
    assert(
      property(plain, plain, (one, other) => {
        const same = key(one) === key(other);
        expect(same && !isDeepStrictEqual(one, other)).toBe(false);
        expect(key(structuredClone(one))).toBe(key(one));
      }),
      { numRuns: 200 },
    );
  });

  it.each<[string, unknown, string]>([
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a class instance', new Money(), 'an instance of Money'],
    ['a class instance inside', { deep: [new Money()] }, 'an instance of Money'],
    ['a promise', Promise.resolve(), 'an instance of Promise'],
    ['a regular expression', /a/, 'an instance of RegExp'],
    ['an error', new Error('e'), 'an instance of Error'],
    ['a subclass of Array', new (class List extends Array {})(), 'an instance of List'],
    ['a member named by a symbol', { [Symbol('s')]: 1 }, 'a member named by a symbol'],
  ])('refuses %s and names the argument', (_what, argument, named) => {
    expect(() => key('first', argument)).toThrow(`argument 2 holds ${named}`);
  });

  it('refuses circular and bottomless arguments', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    let deep: unknown = 1;
    for (let level = 0; level < 100; level++) deep = [deep];
    expect(() => key(circular)).toThrow('argument 1 holds a circular reference');
    expect(() => key(deep)).toThrow('argument 1 holds nesting deeper than 64');
  });

  it('takes the same object twice', () => {
    const shared = { a: 1 };
    expect(key([shared, shared])).toBe(key([{ a: 1 }, { a: 1 }]));
  });
});

describe('keyTemplate', () => {
  it('puts arguments in their places', () => {
    expect(keyTemplate('product:{0}')!(['p:1'])).toBe('product:p:1');
    expect(keyTemplate('{1}/{0}')!([1, true])).toBe('true/1');
    expect(keyTemplate('all')!([])).toBe('all');
  });

  it('never gives two lists of arguments one key', () => {
    const keyOf = keyTemplate('rate:{0}:{1}')!;
    expect(keyOf(['a:b', 'c'])).toBe('rate:a%3ab:c');
    expect(keyOf(['a', 'b:c'])).toBe('rate:a:b%3ac');
    expect(keyOf(['a%3ab', 'c'])).toBe('rate:a%253ab:c');
  });

  it.each([[undefined], [''], ['{0}{1}'], [5]])('refuses %j', (template) => {
    expect(keyTemplate(template)).toBeUndefined();
  });

  it.each([[undefined], [null], [{}], [() => 1]])('refuses the argument %j', (argument) => {
    let error: unknown;
    try {
      keyTemplate('a:{0}')!([argument]);
    } catch (caught) {
      error = caught;
    }
    expect(isCacheError(error, 'CACHE_KEY_INVALID')).toBe(true);
  });
});
