/** What of a value an operator is shown: types, lengths and names, never what it says. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shapeOf } from '../../src/manager/value-shape.js';

it('names types and lengths', () => {
  const value = {
    text: 'four',
    number: 1,
    yes: true,
    big: 1n,
    when: new Date(0),
    nothing: null,
    missing: undefined,
    bytes: Buffer.from('12345'),
    list: ['a', 'b'],
    empty: [],
    set: new Set([1]),
    map: new Map([[1, 2]]),
  };
  expect(shapeOf(value)).toEqual({
    type: 'object',
    members: {
      text: { type: 'string', length: 4 },
      number: { type: 'number' },
      yes: { type: 'boolean' },
      big: { type: 'bigint' },
      when: { type: 'date' },
      nothing: { type: 'null' },
      missing: { type: 'undefined' },
      bytes: { type: 'binary', length: 5 },
      list: { type: 'list', length: 2, first: { type: 'string', length: 1 } },
      empty: { type: 'list', length: 0 },
      set: { type: 'set', length: 1, first: { type: 'number' } },
      map: { type: 'map', length: 1 },
    },
  });
});

it('looks four levels deep, and at 50 members', () => {
  expect(shapeOf({ a: { b: { c: { d: { e: 1 } } } } })).toEqual({
    type: 'object',
    members: {
      a: {
        type: 'object',
        members: {
          b: {
            type: 'object',
            members: { c: { type: 'object', members: { d: { type: 'more' } } } },
          },
        },
      },
    },
  });
  const wide = shapeOf(
    Object.fromEntries(Array.from({ length: 60 }, (_none, at) => [`m${at}`, at])),
  );
  expect(wide.type === 'object' && Object.keys(wide.members)).toHaveLength(51);
  expect(wide).toMatchObject({ members: { '…': { type: 'more' } } });
});

it('runs no code of the value, and shows a member called __proto__ as one', () => {
  const trap = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => expect.fail('it was called'),
  });
  expect(shapeOf(trap)).toEqual({ type: 'object', members: { x: { type: 'undefined' } } });
  const named = shapeOf(JSON.parse('{"__proto__": "x"}'));
  expect(Object.getPrototypeOf((named as { members: object }).members)).toBe(Object.prototype);
  expect(Object.keys((named as { members: object }).members)).toEqual(['__proto__']);
});

it('says nothing of what any value says', () => {
  const secret = fc.stringMatching(/^secret[0-9a-f]{16}$/);
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      secret,
      fc.constant(1),
      fc.array(tie('value')),
      fc.dictionary(fc.constantFrom('a', 'b'), tie('value')),
      fc.array(tie('value')).map((list) => new Set(list)),
      fc.array(fc.tuple(secret, tie('value'))).map((list) => new Map(list)),
      secret.map((text) => Buffer.from(text)),
    ),
  })).value;
  fc.assert(fc.property(value, (one) => !JSON.stringify(shapeOf(one)).includes('secret')));
});
