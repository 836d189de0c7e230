/** Keys: which are valid, and that no two are ever spelled alike. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCacheError } from '../../src/core/errors.js';
import {
  Address,
  NAME_PATTERN,
  Scope,
  assertKey,
  clearTag,
  encodeSegment,
  tenantName,
  textFault,
} from '../../src/core/key.js';

const key = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 400 })
  .filter((k) => !textFault(k));
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,8}$/);

function codeOf(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    return isCacheError(error) ? error.code : 'another error';
  }
  return undefined;
}

describe('a key', () => {
  it.each([
    ['empty', ''],
    ['longer than 1,024 bytes', 'x'.repeat(1_025)],
    ['longer than 1,024 bytes of UTF-8', 'é'.repeat(513)],
    ['with a control character', 'a\u0000b'],
    ['with a line break', 'a\nb'],
    ['with a C1 control character', 'a\u0085b'],
    ['with half a surrogate pair', 'a\ud83d'],
    ['a number', 7],
    ['null', null],
    ['undefined', undefined],
    ['an object', {}],
  ])('that is %s is refused', (_what, bad) => {
    expect(codeOf(() => assertKey(bad))).toBe('CACHE_KEY_INVALID');
  });

  it.each(['x'.repeat(1_024), 'é'.repeat(512), '{}', ':', '%', ' ', '🔑', '__proto__'])(
    'may be %s',
    (good) => {
      expect(codeOf(() => assertKey(good))).toBeUndefined();
    },
  );

  it('never appears in the message about it', () => {
    expect(() => assertKey('secret\u0000')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });
});

describe('spelling', () => {
  it('is injective for segments, and leaves nothing that ends a segment or matches many', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(encodeSegment(a) === encodeSegment(b)).toBe(a === b);
        expect(encodeSegment(a)).not.toMatch(/[:{}*?[\]]|[^\u0020-\u007e]/);
      }),
    );
  });

  it('can be read back', () => {
    fc.assert(
      fc.property(key, (k) => {
        expect(decodeURIComponent(encodeSegment(k))).toBe(k);
      }),
    );
  });

  it('gives no two addresses one Redis key or digest', () => {
    const tenant = fc.oneof(
      fc.constant('p'),
      key.map((id) => tenantName(id)),
    );
    const place = fc.record({ namespace: name, tenant, cache: name, key });
    fc.assert(
      fc.property(place, place, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        const [one, two] = [a, b].map(
          (p) => new Address(new Scope(p.namespace, p.tenant, p.cache), p.key),
        );
        expect(one.scope.redisKey('e', one) === two.scope.redisKey('e', two)).toBe(same);
        expect(one.digest === two.digest).toBe(same);
        expect(one.scope.redisKey('e', one)).not.toBe(one.scope.redisKey('l', one));
      }),
    );
  });

  it('hashes a long key, and no key can be spelled like a hashed one by accident', () => {
    const scope = new Scope('app', 'p', 'default');
    const long = new Address(scope, 'x'.repeat(1_000));
    expect(long.encoded).toMatch(/^~[\w-]{43}$/);
    expect(new Address(scope, 'short').encoded).toBe('short');
  });

  it('puts entry and lease of a key into one cluster slot', () => {
    const scope = new Scope('app', tenantName('a{b}'), 'default');
    const address = new Address(scope, 'k{x}');
    const tags = (['e', 'l'] as const).map(
      (kind) => /\{([^}]*)\}/.exec(scope.redisKey(kind, address))?.[1],
    );
    expect(tags).toEqual([address.slot, address.slot]);
  });

  it('keeps the public part, tenants and the tag of clear() apart', () => {
    expect(tenantName(undefined)).toBe('p');
    expect(tenantName('p')).toBe('t:p');
    expect(textFault(clearTag('default'))).toBeDefined();
    expect(new Scope('a', 'p', 'bc').id).not.toBe(new Scope('a', 'pb', 'c').id);
    expect(NAME_PATTERN.test('a:b')).toBe(false);
  });
});
