/** OpenedBefore: unchanged bytes are opened once; changed ones, and what must not be kept, each time. */
import { expect, it } from 'vitest';
import { relive, seal } from '../../src/core/envelope.js';
import { Address, Scope, type ScopeRules } from '../../src/core/key.js';
import type { Vault } from '../../src/core/vault.js';
import { inspect } from '../../src/core/value.js';
import { OpenedBefore } from '../../src/tiers/opened-before.js';

const RULES: ScopeRules = { groups: [], types: new Map() };

function address(key = 'product:1', rules: Partial<ScopeRules> = {}): Address {
  return new Address(new Scope('shop', 'p', 'default', { ...RULES, ...rules }), key);
}

function bytesFor(at: Address, value: unknown = { price: 1 }): Buffer {
  const header = { createdAt: 1, ttl: 1_000, grace: 0, loadMs: 0, n0: 1, epoch: 1, tags: [] };
  return seal(value, inspect(value), header, at.fingerprint);
}

/** What each of so many reads of these bytes gave. */
function reads(opened: OpenedBefore, at: Address, bytes: Buffer, times = 3): unknown[] {
  return Array.from({ length: times }, () => {
    const one = opened.open(at, Buffer.from(bytes));
    return typeof one === 'object' ? one.value : one;
  });
}

it('opens the same bytes twice, and gives what they were from then on', () => {
  const at = address();
  const [first, second, third, fourth] = reads(new OpenedBefore(), at, bytesFor(at), 4);
  expect(first).toEqual({ price: 1 });
  expect(second).not.toBe(first);
  expect([third === second, fourth === second]).toEqual([true, true]);
  // Whoever gets it shares it.
  expect([first, second].map(Object.isFrozen)).toEqual([false, true]);
});

it('opens bytes anew of which only the times have changed', () => {
  const at = address();
  const opened = new OpenedBefore();
  const bytes = bytesFor(at);
  reads(opened, at, bytes);
  relive(bytes, { ttl: 0, grace: 5 });
  expect(opened.open(at, bytes)).toMatchObject({ ttl: 0, grace: 5 });
});

it('keeps a copy: the bytes that came may become others', () => {
  const at = address();
  const opened = new OpenedBefore();
  const bytes = bytesFor(at);
  opened.open(at, bytes);
  opened.open(at, bytes);
  bytes.writeUInt8(0, 0);
  expect(opened.open(at, bytes)).toBe('corrupt');
});

it('gives each key its own, also for the same bytes', () => {
  const [one, other] = [address('a'), address('b')];
  const opened = new OpenedBefore();
  const bytes = bytesFor(one);
  reads(opened, one, bytes);
  expect(reads(opened, other, bytes)).toEqual(['corrupt', 'corrupt', 'corrupt']);
});

it.each([
  ['callers may change it', true, {}, { price: 1 }],
  ['it may not be held in memory', false, { noL1: new Set(['default']) }, { price: 1 }],
  ['it may come encrypted', false, { vault: { required: false } as Vault }, { price: 1 }],
  ['every caller gets a copy', false, {}, new Map([['price', 1]])],
] as const)('opens each time where %s', (_why, shared, rules, value) => {
  const at = address('product:1', rules);
  const values = reads(new OpenedBefore(shared), at, bytesFor(at, value));
  expect(new Set(values).size).toBe(3);
});

it('forgets what was not read while others came', () => {
  const opened = new OpenedBefore();
  const first = address('first');
  const bytes = bytesFor(first);
  const [, , kept] = reads(opened, first, bytes);
  const others = (from: number): void => {
    for (let n = from; n < from + 8_192; n++) {
      const other = address(`other:${n}`);
      reads(opened, other, bytesFor(other), 2);
    }
  };
  others(0);
  expect(reads(opened, first, bytes, 1)).toEqual([kept]);
  expect(reads(opened, first, bytes, 1)[0]).toBe(kept);
  others(10_000);
  others(20_000);
  expect(reads(opened, first, bytes, 1)[0]).not.toBe(kept);
});

it('keeps no more bytes than it may', () => {
  const opened = new OpenedBefore();
  const large = 'x'.repeat(700_000);
  const first = address('first');
  const bytes = bytesFor(first);
  const [, , kept] = reads(opened, first, bytes);
  for (let n = 0; n < 8; n++) {
    const other = address(`large:${n}`);
    reads(opened, other, unpacked(other, large, n), 2);
  }
  expect(reads(opened, first, bytes, 1)[0]).not.toBe(kept);
});

function unpacked(at: Address, text: string, seed: number): Buffer {
  const header = { createdAt: 1, ttl: 1_000, grace: 0, loadMs: 0, n0: 1, epoch: 1, tags: [] };
  const value = { text, seed };
  return seal(value, inspect(value), header, at.fingerprint, new Map(), Infinity);
}
