/** Names in stores, read back: each by the scope that wrote it and by no other, whatever keys and tenants look like. */
import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  encodeSegment,
  Address,
  Scope,
  slotIn,
  tenantName,
  textFault,
} from '../../src/core/key.js';
import { endOf, storedName } from '../../src/core/stored-name.js';

const SIGNS = [
  'a',
  'b',
  ':',
  '{',
  '}',
  '%',
  '*',
  '?',
  '[',
  ']',
  '\\',
  '~',
  '@',
  '3',
  'ä',
  '😀',
  ' ',
];
const text = fc
  .array(fc.constantFrom(...SIGNS), { minLength: 1, maxLength: 8 })
  .map((signs) => signs.join(''))
  .filter((one) => textFault(one) === undefined);
const scope = fc
  .tuple(
    fc.constantFrom('app', 'app.2'),
    fc.option(text, { nil: undefined }),
    fc.constantFrom('c', 'c.d', 'cc'),
    fc.option(text, { nil: undefined }),
  )
  .map(
    ([namespace, tenant, cache, subject]) =>
      new Scope(namespace, tenantName(tenant), cache, undefined, subject),
  );

/** What a scope reads from a name of Redis. */
function read(of: Scope, name: string): string | undefined {
  const parts = of.ofRedisKey(name);
  return parts && storedName(of, parts.encoded, (digest) => slotIn(digest) === parts.slot)?.key;
}

it('are read by the scope that wrote them', () => {
  fc.assert(fc.property(scope, text, (of, key) => read(of, new Address(of, key).entryKey) === key));
});

it('are read by no other scope', () => {
  fc.assert(
    fc.property(scope, scope, text, (one, other, key) => {
      if (one.id === other.id) return;
      expect(read(other, new Address(one, key).entryKey)).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

it('of leases and guards are no entries', () => {
  fc.assert(
    fc.property(scope, text, (of, key) => {
      const address = new Address(of, key);
      for (const kind of ['l', 'w'] as const)
        expect(of.ofRedisKey(of.redisKey(kind, address))).toBeUndefined();
    }),
  );
});

it('begin with the spelling of a prefix exactly where the key begins with the prefix, and lie before its end', () => {
  fc.assert(
    fc.property(text, text, fc.boolean(), (key, other, within) => {
      const prefix = within
        ? String.fromCodePoint(...[...key].slice(0, 2).map((sign) => sign.codePointAt(0)!))
        : other;
      const [name, from] = [encodeSegment(key), encodeSegment(prefix)];
      const inRange =
        Buffer.compare(Buffer.from(name), Buffer.from(from)) >= 0 &&
        Buffer.compare(Buffer.from(name), Buffer.from(endOf(from))) < 0;
      expect(name.startsWith(from)).toBe(key.startsWith(prefix));
      expect(inRange).toBe(key.startsWith(prefix));
    }),
  );
});

it('under a secret are hashes, and nothing else is taken', () => {
  const rules = { groups: [], types: new Map(), nameSecret: createSecretKey(randomBytes(32)) };
  const of = new Scope('app', 'p', 'c', rules);
  const { digest, encoded } = new Address(of, 'k');
  expect(storedName(of, encoded, (one) => one === digest)).toEqual({ key: encoded });
  expect(storedName(of, 'k', () => true)).toBeUndefined();
});
