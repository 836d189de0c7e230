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

  it('are paid from the oldest on, deletes of all keys together, and cover a key until then', () => {
    const owed = debts();
    const expire: Change = { kind: 'expire', addresses: [at('x')] };
    for (const change of [remove(at('a')), bump('p', 'red'), remove(at('b'), at('a')), expire])
      owed.add(change);
    const paid: Change[] = [];
    for (let batch = owed.next; batch; batch = owed.next) {
      paid.push(batch.change);
      expect(owed.covers(at('x'))).toBe(true);
      owed.paid(batch);
    }
    expect(paid.map(({ kind }) => kind)).toEqual(['delete', 'tags', 'expire']);
    const { addresses } = paid[0] as { addresses: readonly Address[] };
    expect(addresses.map(({ key }) => key)).toEqual(['a', 'b']);
    expect([owed.size, owed.covers(at('a')), owed.covers(at('x'))]).toEqual([0, false, false]);
  });

  it('stay owed where they were added while a batch was being paid', () => {
    const owed = debts();
    owed.add(remove(at('a')));
    const batch = owed.next!;
    owed.add(remove(at('a')));
    owed.paid(batch);
    expect([owed.size, owed.covers(at('a'))]).toEqual([1, true]);
  });

  it('are paid tag by tag of one tenant and kind together', () => {
    const owed = debts();
    for (const change of [bump('p', 'a'), bump('t:x', 'b'), bump('p', 'a', 'c')]) owed.add(change);
    owed.add({ ...bump('p', 'd'), soft: true } as Change);
    expect(owed.next).toMatchObject({ change: { tenant: 'p', tags: ['a', 'c'] } });
    owed.paid(owed.next!);
    expect(owed.size).toBe(2);
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
