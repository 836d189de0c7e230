/** OpenedBefore: unchanged bytes are opened once; changed ones, and what must not be kept, each time. */
import { describe, expect, it } from 'vitest';
import { relive, seal } from '../../src/core/envelope.js';
import { Address, Scope, type ScopeRules } from '../../src/core/key.js';
import type { Vault } from '../../src/core/vault.js';
import { inspect } from '../../src/core/value.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
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
  const [first, second, third, fourth] = reads(
    new OpenedBefore(new FakeClock()),
    at,
    bytesFor(at),
    4,
  );
  expect(first).toEqual({ price: 1 });
  expect(second).not.toBe(first);
  expect([third === second, fourth === second]).toEqual([true, true]);
  // Whoever gets it shares it.
  expect([first, second].map(Object.isFrozen)).toEqual([false, true]);
});

it('opens bytes anew of which only the times have changed', () => {
  const at = address();
  const opened = new OpenedBefore(new FakeClock());
  const bytes = bytesFor(at);
  reads(opened, at, bytes);
  relive(bytes, { ttl: 0, grace: 5 });
  expect(opened.open(at, bytes)).toMatchObject({ ttl: 0, grace: 5 });
});

it('keeps a copy: the bytes that came may become others', () => {
  const at = address();
  const opened = new OpenedBefore(new FakeClock());
  const bytes = bytesFor(at);
  opened.open(at, bytes);
  opened.open(at, bytes);
  bytes.writeUInt8(0, 0);
  expect(opened.open(at, bytes)).toBe('corrupt');
});

it('gives each key its own, also for the same bytes', () => {
  const [one, other] = [address('a'), address('b')];
  const opened = new OpenedBefore(new FakeClock());
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
  const values = reads(new OpenedBefore(new FakeClock(), shared), at, bytesFor(at, value));
  expect(new Set(values).size).toBe(3);
});

describe('when there is no room', () => {
  const others = (opened: OpenedBefore, from: number, count = 16_384): void => {
    for (let n = from; n < from + count; n++) {
      const other = address(`other:${n}`);
      reads(opened, other, bytesFor(other), 2);
    }
  };
  const isKept = (opened: OpenedBefore, at: Address, bytes: Buffer): boolean => {
    const [one, another] = reads(opened, at, bytes, 2);
    return one === another;
  };

  it('keeps nothing new, and what was not used since goes ten seconds later', () => {
    const clock = new FakeClock();
    const opened = new OpenedBefore(clock);
    const [used, unused, late] = ['used', 'unused', 'late'].map((key) => address(key));
    for (const at of [used, unused]) reads(opened, at, bytesFor(at), 2);
    const bytes = new Map([used, unused, late].map((at) => [at, bytesFor(at)]));
    for (const at of [used, unused]) reads(opened, at, bytes.get(at)!, 2);
    others(opened, 0, 16_384);
    // The first time it is found full, all of them were used.
    expect(isKept(opened, late, bytes.get(late)!)).toBe(false);
    expect(isKept(opened, used, bytes.get(used)!)).toBe(true);
    clock.advance(9_999);
    expect(isKept(opened, late, bytes.get(late)!)).toBe(false);
    clock.advance(1);
    reads(opened, late, bytes.get(late)!, 2);
    expect(isKept(opened, late, bytes.get(late)!)).toBe(true);
    expect(isKept(opened, used, bytes.get(used)!)).toBe(true);
    expect(unused.opened).toBeUndefined();
  });

  it('counts bytes as well, and gives back those of what it replaces', () => {
    const opened = new OpenedBefore(new FakeClock());
    const large = 'x'.repeat(700_000);
    // The same key again and again takes the room of one.
    const first = address('first');
    for (let n = 0; n < 20; n++) reads(opened, first, unpacked(first, large, n), 2);
    const kept = [0, 1, 2, 3, 4, 5, 6].map((n) => {
      const other = address(`large:${n}`);
      const bytes = unpacked(other, large, n);
      reads(opened, other, bytes, 2);
      return isKept(opened, other, bytes);
    });
    expect(kept).toEqual([true, true, true, true, false, false, false]);
    // There is no room for one more, and a newer one of these is none.
    const newer = unpacked(first, large, 20);
    reads(opened, first, newer, 2);
    expect(isKept(opened, first, newer)).toBe(true);
  });
});

it('is not filled by addresses of which another tier has taken the place', () => {
  const clock = new FakeClock();
  const [one, other] = [new OpenedBefore(clock), new OpenedBefore(clock)];
  const large = 'x'.repeat(700_000);
  const shared = address('shared');
  for (let n = 0; n < 20; n++)
    for (const tier of [one, other]) reads(tier, shared, unpacked(shared, large, n), 2);
  clock.advance(10_000);
  const late = address('late');
  const values = reads(one, late, unpacked(late, large, 0), 4);
  expect(values[3]).toBe(values[2]);
});

function unpacked(at: Address, text: string, seed: number): Buffer {
  const header = { createdAt: 1, ttl: 1_000, grace: 0, loadMs: 0, n0: 1, epoch: 1, tags: [] };
  const value = { text, seed };
  return seal(value, inspect(value), header, at.fingerprint, new Map(), Infinity);
}
