/** Debts: what they cover while they wait, in which order they are paid, and how they stay bounded. */
import { describe, expect, it } from 'vitest';
import { Debts } from '../../src/coherence/debts.js';
import { Address, Scope } from '../../src/core/key.js';
import type { Change } from '../../src/core/tier.js';

const at = (key: string, cache = 'default', tenant = 'p'): Address =>
  new Address(new Scope('app', tenant, cache), key);
const remove = (...addresses: Address[]): Change => ({ kind: 'delete', addresses });
const bump = (tenant: string, ...tags: string[]): Change => ({ kind: 'tags', tenant, tags });
const debts = (limit = 100): Debts => new Debts(limit, () => ['default', 'other']);

describe('debts', () => {
  it('cover the keys they name, and no others', () => {
    const owed = debts();
    owed.add(remove(at('a'), at('b')));
    expect([at('a'), at('b'), at('c'), at('a', 'other')].map((a) => owed.covers(a))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('cover tags of their tenant, and a cleared cache', () => {
    const owed = debts();
    owed.add(bump('t:a', 'red'));
    owed.add(bump('t:a', at('x').scope.clearTag));
    expect(owed.coversTags('t:a', ['blue', 'red'])).toBe(true);
    expect(owed.coversTags('t:b', ['red'])).toBe(false);
    expect(owed.covers(at('any', 'default', 't:a'))).toBe(true);
    expect(owed.covers(at('any', 'other', 't:a'))).toBe(false);
  });

  it('are paid in order, and cover a key until the last one that names it', () => {
    const owed = debts();
    const [first, second] = [remove(at('a')), remove(at('a'))];
    owed.add(first);
    owed.add(second);
    expect(owed.first).toBe(first);
    owed.paid();
    expect(owed.first).toBe(second);
    expect(owed.covers(at('a'))).toBe(true);
    owed.paid();
    expect([owed.size, owed.covers(at('a')), owed.first]).toEqual([0, false, undefined]);
  });

  it('collapse beyond their limit into clears that cover no less', () => {
    const owed = debts(10);
    for (let n = 0; n < 11; n++) owed.add(remove(at(`key${n}`)));
    expect(owed.size).toBe(1);
    expect(owed.covers(at('key0'))).toBe(true);
    expect(owed.covers(at('key0', 'other'))).toBe(false);
  });

  it('collapse tags into clears of every cache of the tenant', () => {
    const owed = debts(2);
    for (const tag of ['red', 'blue', 'green']) owed.add(bump('t:a', tag));
    expect(owed.size).toBe(2);
    for (const cache of ['default', 'other']) expect(owed.covers(at('x', cache, 't:a'))).toBe(true);
    expect(owed.covers(at('x'))).toBe(false);
  });
});
