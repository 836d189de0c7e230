/** Codec and envelope: every value comes back as it was, and bytes from elsewhere are a miss, never an exception. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODEC, decode, encode } from '../../src/core/codec.js';
import { ID_BYTES, ID_OFFSET, open, seal, type Header } from '../../src/core/envelope.js';
import { inspect } from '../../src/core/value.js';
import { VALUE_KINDS } from '../../src/testing/contract-values.js';

const FINGERPRINT = { high: 0x31323334, low: 0xf5363738 };
const HEADER: Header = {
  createdAt: 1_700_000_000_000,
  ttl: 60_000,
  grace: 3_600_000,
  loadMs: 12,
  n0: 2 ** 50 + 1,
  epoch: 0xdeadbeef,
  tags: ['red', 'grün', '\u0001default'],
};

/** Any cacheable value, nested. */
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, NaN, Infinity, -Infinity, -0, 0, true, false),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.float64Array(),
    fc.bigInt64Array(),
    fc.array(tie('value')),
    fc.array(tie('value')).map((members) => new Set(members)),
    fc.array(fc.tuple(tie('value'), tie('value'))).map((pairs) => new Map(pairs)),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom('$', 'v', '$$', 'constructor', 'toString', ''),
        fc.string().filter((name) => name !== '__proto__'),
      ),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
})).value;

function roundTrip(value: unknown): unknown {
  const { codec, text } = encode(value, inspect(value));
  return decode(codec, Buffer.from(text));
}

function sealed(value: unknown): Buffer {
  return seal(value, inspect(value), HEADER, FINGERPRINT);
}

describe('the codec', () => {
  it.each(Object.entries(VALUE_KINDS))('keeps %s', (_kind, make) => {
    expect(roundTrip(make())).toStrictEqual(make());
  });

  it('keeps an invalid date', () => {
    expect(Number(roundTrip(new Date(NaN)))).toBeNaN();
  });

  it('keeps whatever may be cached', () => {
    // Not toStrictEqual: it takes a member named constructor for the value's type.
    fc.assert(fc.property(anything, (value) => isDeepStrictEqual(roundTrip(value), value)));
    expect(roundTrip({ constructor: new Map() })).toEqual({ constructor: new Map() });
  });

  it('writes plain data as plain JSON', () => {
    const value = { a: [1, 'x', null] };
    const { codec, text } = encode(value, inspect(value));
    expect(codec).toBe(CODEC.json);
    expect(text).toBe(JSON.stringify(value));
  });

  it.each([
    ['no JSON', CODEC.json, '{"a":'],
    ['__proto__', CODEC.json, '{"a":[{"__proto__":{"admin":true}}]}'],
    ['escaped __proto__', CODEC.json, '{"\\u005f_proto__":{"admin":true}}'],
    ['marked __proto__', CODEC.marked, '{"__proto__":{"admin":true}}'],
    ['hidden __proto__', CODEC.marked, '{"$":"object","v":[["__proto__",{}]]}'],
    ['constructor.prototype', CODEC.json, '{"constructor":{"prototype":{"admin":true}}}'],
    ['escaped', CODEC.json, '{"constructor":{"\\u0070rototype":{"admin":true}}}'],
    ['marked', CODEC.marked, '{"constructor":{"$":"object","v":[["prototype",1]]}}'],
    ['hidden', CODEC.marked, '{"$":"object","v":[["constructor",{"prototype":1}]]}'],
    [
      'a bigint that takes long to read',
      CODEC.marked,
      `{"$":"bigint","v":"${'9'.repeat(20_000)}"}`,
    ],
    ['an unknown mark', CODEC.marked, '{"$":"Function","v":"x"}'],
    ['a mark of an inherited name', CODEC.marked, '{"$":"constructor","v":"x"}'],
    ['a mark without a body', CODEC.marked, '{"$":"Map"}'],
    ['a bigint of no digits', CODEC.marked, '{"$":"bigint","v":"x"}'],
    ['a typed array of odd length', CODEC.marked, '{"$":"Int16Array","v":"AAAA"}'],
    ['endless nesting', CODEC.marked, `${'['.repeat(2_000)}${']'.repeat(2_000)}`],
  ] as const)('refuses %s', (_what, codec, text) => {
    expect(() => decode(codec, Buffer.from(text))).toThrow(/./);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });
});

describe('names', () => {
  it.each([
    ['a member named constructor', { constructor: 'Ferrari' }],
    ['with members of its own', { constructor: { name: 'Ferrari' } }],
    ['prototype alone', { prototype: { year: 2026 } }],
    ['both, apart from each other', { constructor: 1, prototype: 2 }],
    ['the largest bigint', (1n << 65_536n) - 1n],
  ])('%s comes back as it went in', (_what, value) => {
    expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true);
  });

  it.each([
    ['constructor.prototype', { a: [{ constructor: { prototype: {} } }] }],
    ['__proto__', JSON.parse('{"__proto__":{}}') as unknown],
    ['a bigint of more than 65,536 bits', 1n << 65_537n],
  ])('%s goes into no tier', (what, value) => {
    expect(() => inspect(value)).toThrow(what);
  });
});

describe('the envelope', () => {
  it('gives value and header back', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const opened = open(sealed(value), FINGERPRINT);
        expect(opened).toMatchObject(HEADER);
        expect(isDeepStrictEqual(opened?.value, value)).toBe(true);
      }),
    );
  });

  it('gives every write an id of its own', () => {
    const ids = [sealed(1), sealed(1)].map((bytes) => bytes.toString('hex', ID_OFFSET, 42));
    expect(ids[0]).toHaveLength(2 * ID_BYTES);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('keeps lives tier by tier and the etag', () => {
    const bytes = seal(
      1,
      inspect(1),
      { ...HEADER, caps: { l1: 5_000 }, etag: 'W/"é"' },
      FINGERPRINT,
    );
    expect(open(bytes, FINGERPRINT)).toMatchObject({
      value: 1,
      caps: { l1: 5_000, l2: undefined },
      etag: 'W/"é"',
      tags: HEADER.tags,
    });
  });

  it('revives instances of listed classes and of no other', () => {
    class Money {
      constructor(readonly cents: number) {}
      get euros(): number {
        return this.cents / 100;
      }
    }
    const classes = new Map([['Money', Money]]);
    const value = { price: new Money(250), past: [new Money(1)] };
    const bytes = seal(value, inspect(value, classes), HEADER, FINGERPRINT, classes);
    const back = open(bytes, FINGERPRINT, classes)?.value as typeof value;
    expect(back).toEqual(value);
    expect(back.price).toBeInstanceOf(Money);
    expect(back.price.euros).toBe(2.5);
    expect(open(bytes, FINGERPRINT)).toBeUndefined();
    expect(() => inspect(value)).toThrow('an instance of Money');
    expect(() => inspect(new (class Euro extends Money {})(1), classes)).toThrow('Euro');
  });

  it('opens no truncated bytes', () => {
    const bytes = sealed({ text: 'x'.repeat(50), when: new Date(1) });
    for (let length = 0; length < bytes.length; length++) {
      expect(open(bytes.subarray(0, length), FINGERPRINT)).toBeUndefined();
    }
  });

  it.each([
    ['foreign', 0, 0x7b],
    ['of a newer version', 1, 2],
    ['in an unknown codec', 2, 3],
    ['with unknown flags', 2, 0x80],
    ['encrypted', 3, 1],
    ['of another key', 26, 0xff],
  ])('opens no bytes that are %s', (_what, offset, byte) => {
    const bytes = sealed({ a: 1 });
    bytes[offset] = byte;
    expect(open(bytes, FINGERPRINT)).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    const flip = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(flip), anything, (noise, flips, value) => {
        const bytes = sealed(value);
        for (const { at, byte } of flips) bytes[at % bytes.length] = byte;
        expect(() => open(bytes, FINGERPRINT)).not.toThrow();
        expect(open(Buffer.from(noise), FINGERPRINT)).toBeUndefined();
      }),
    );
  });

  it('bounds times it cannot hold', () => {
    const header = { ...HEADER, ttl: Infinity, grace: -5, loadMs: 1e12 };
    const opened = open(seal(1, inspect(1), header, FINGERPRINT), FINGERPRINT);
    expect(opened).toMatchObject({ ttl: 2 ** 48 - 1, grace: 0, loadMs: 2 ** 32 - 1 });
  });
});
