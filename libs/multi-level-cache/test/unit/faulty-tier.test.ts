/** Faults on command around a tier: what strikes which calls, how often, and how it ends. */
import { describe, expect, it } from 'vitest';
import { Address, Scope } from '../../src/core/key.js';
import { createEntry } from '../../src/core/entry.js';
import type { DebtBook, Tier, TierRead } from '../../src/core/tier.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { faultyTier } from '../../src/testing/faulty-tier.js';

const at = new Address(new Scope('faulty', 'p', 'items'), 'k');
const entry = createEntry('v', { ttl: 1_000, grace: 0, tags: [] }, 0, 1, true);
const ticket = { tier: 'l2' } as const;
const change = { kind: 'delete', addresses: [at] } as const;
const ABSENT: TierRead = { state: 'absent' };
const STALE: TierRead = { state: 'stale' };

/** A tier that writes down what it is asked; what the port leaves open is missing. */
function bare() {
  const asked: unknown[][] = [];
  const tier: Tier = {
    name: 'l2',
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    read: (...given) => (asked.push(['read', ...given]), ABSENT),
    ticket: (...given) => (asked.push(['ticket', ...given]), { kind: 'granted', ticket }),
    fill: (...given) => (asked.push(['fill', ...given]), true),
    apply: (...given) => (asked.push(['apply', ...given]), Promise.resolve()),
    status: () => ({ state: 'up', entries: 1, bytes: 2, evictions: 3, corrupt: 4 }),
  };
  return { asked, tier };
}

/** One with all there can be. */
function whole() {
  const { asked, tier } = bare();
  const book: DebtBook = {
    debts: () => (asked.push(['debts']), Promise.resolve([])),
    strike: (...given) => (asked.push(['strike', ...given]), Promise.resolve()),
    owe: (...given) => (asked.push(['owe', ...given]), Promise.resolve()),
    claim: () => (asked.push(['claim']), Promise.resolve([])),
    inTransaction: {
      reachedBy: () => Promise.resolve(true),
      owe: () => ({ text: '', values: [] }),
    },
  };
  const more: Tier = {
    ...tier,
    partOf: () => 'node',
    troubleOf: (...given) => (asked.push(['troubleOf', ...given]), { reason: 'why' }),
    verify: (...given) => (asked.push(['verify', ...given]), STALE),
    renew: (...given) => (asked.push(['renew', ...given]), true),
    release: (...given) => (asked.push(['release', ...given]), true),
    book,
  };
  return { asked, book, tier: more };
}

/** Whether a promise has not been settled yet. */
async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  const turn = new Promise((resolve) => setImmediate(resolve, open));
  return (await Promise.race([promise.catch(() => undefined), turn])) === open;
}

describe('without a fault', () => {
  it('asks the real tier in the same tick, with all it was given', async () => {
    const { asked, tier: real } = whole();
    const tier = faultyTier(real);
    expect(tier.read(at, true)).toBe(ABSENT);
    expect(tier.ticket(at, ABSENT, ['t'])).toEqual({ kind: 'granted', ticket });
    expect(tier.fill(at, entry, ticket)).toBe(true);
    await tier.apply(change, { until: 7 });
    expect(asked).toEqual([
      ['read', at, true],
      ['ticket', at, ABSENT, ['t']],
      ['fill', at, entry, ticket],
      ['apply', change, { until: 7 }],
    ]);
    expect(tier.status()).toEqual(real.status());
    expect(tier.name).toBe('l2');
    expect(tier.struck()).toBe(0);
  });

  it('passes on what the real tier has beyond that', async () => {
    const { asked, book, tier: real } = whole();
    const tier = faultyTier(real);
    expect(tier.partOf?.(at)).toBe('node');
    expect(tier.troubleOf?.('an error')).toEqual({ reason: 'why' });
    expect(await tier.verify?.(at)).toBe(STALE);
    expect(await tier.renew?.(at, ticket)).toBe(true);
    await tier.release?.(at, ticket);
    await tier.book?.owe?.('id', change, 5);
    await tier.book?.strike(['id']);
    expect(await tier.book?.debts()).toEqual([]);
    expect(await tier.book?.claim?.()).toEqual([]);
    expect(asked).toEqual([
      ['troubleOf', 'an error'],
      ['verify', at],
      ['renew', at, ticket],
      ['release', at, ticket],
      ['owe', 'id', change, 5],
      ['strike', ['id']],
      ['debts'],
      ['claim'],
    ]);
    expect(tier.book?.inTransaction).toBe(book.inTransaction);
  });

  it('lacks what the real tier lacks', () => {
    expect(faultyTier(bare().tier)).toMatchObject({
      partOf: undefined,
      troubleOf: undefined,
      verify: undefined,
      renew: undefined,
      release: undefined,
    });
    expect(faultyTier(bare().tier).book).toBeUndefined();
    const book = { debts: () => Promise.resolve([]), strike: () => Promise.resolve() };
    const kept = faultyTier({ ...bare().tier, book }).book!;
    expect(Object.keys(kept).sort()).toEqual(['debts', 'strike']);
  });
});

describe('a fault', () => {
  const calls = {
    read: [(tier: Tier) => tier.read(at), (tier: Tier) => tier.verify!(at)],
    fill: [
      (tier: Tier) => tier.ticket(at, ABSENT),
      (tier: Tier) => tier.fill(at, entry, ticket),
      (tier: Tier) => tier.renew!(at, ticket),
      (tier: Tier) => tier.release!(at, ticket),
    ],
    apply: [
      (tier: Tier) => tier.apply(change),
      (tier: Tier) => tier.book!.owe!('id', change),
      (tier: Tier) => tier.book!.debts(),
      (tier: Tier) => tier.book!.strike(['id']),
      (tier: Tier) => tier.book!.claim!(),
    ],
  } as const;
  const kinds = ['read', 'fill', 'apply'] as const;

  it.each(kinds)('of %s strikes these calls and no others', async (kind) => {
    const tier = faultyTier(whole().tier).fail(kind);
    for (const other of kinds)
      for (const call of calls[other]) {
        const outcome = (async () => call(tier))();
        if (other === kind) await expect(outcome).rejects.toThrow(`l2: ${kind} is made to fail`);
        else await outcome;
      }
    expect(tier.struck(kind)).toBe(calls[kind].length);
    expect(tier.struck()).toBe(calls[kind].length);
  });

  it('of all strikes every call before the real tier is asked', async () => {
    const { asked, tier: real } = whole();
    const tier = faultyTier(real).fail('all');
    for (const call of kinds.flatMap((kind) => [...calls[kind]]))
      await expect((async () => call(tier))()).rejects.toThrow('made to fail');
    expect(asked).toEqual([]);
  });

  it('slow: the real tier is asked when the time has passed', async () => {
    const clock = new FakeClock();
    const { asked, tier: real } = bare();
    const tier = faultyTier(real, { clock }).slow('read', 200);
    const read = Promise.resolve(tier.read(at));
    clock.advance(199);
    expect(await isOpen(read)).toBe(true);
    expect(asked).toEqual([]);
    clock.advance(1);
    expect(await read).toBe(ABSENT);
  });

  it.each(['heal', 'close'] as const)('hang: nothing is answered until %s', async (end) => {
    const { asked, tier: real } = bare();
    const tier = faultyTier(real).hang('apply');
    const hanging = tier.apply(change);
    expect(await isOpen(hanging)).toBe(true);
    const ended = Promise.resolve(tier[end]());
    await expect(hanging).rejects.toThrow('apply is made to fail');
    await ended;
    expect(asked).toEqual([]);
    await tier.apply(change);
    expect(asked).toHaveLength(1);
  });

  it('lost fills are confirmed, and their ticket is given back; tickets are not touched', async () => {
    const { asked, tier: real } = whole();
    const tier = faultyTier(real).loseFills({ times: 1 });
    expect(tier.ticket(at, ABSENT)).toEqual({ kind: 'granted', ticket });
    expect(await tier.fill(at, entry, ticket)).toBe(true);
    expect(asked.slice(1)).toEqual([['release', at, ticket]]);
    expect(tier.struck('fill')).toBe(1);
    expect(tier.fill(at, entry, ticket)).toBe(true);
    expect(asked.slice(2)).toEqual([['fill', at, entry, ticket]]);
  });

  it('hits a share of the calls, by the chance it was given', async () => {
    let drawn = 0;
    const random = (): number => (drawn++ % 10) / 10;
    const { asked, tier: real } = bare();
    const tier = faultyTier(real, { random }).fail('read', { share: 0.3 });
    const reads = Array.from({ length: 100 }, async () => tier.read(at));
    const outcomes = await Promise.allSettled(reads);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(30);
    expect(asked).toHaveLength(70);
  });

  it('a share of 0 hits none, one of 1 all, whatever is drawn', async () => {
    const least = faultyTier(bare().tier, { random: () => 0 }).fail('read', { share: 0 });
    expect(least.read(at)).toBe(ABSENT);
    const most = faultyTier(bare().tier, { random: () => 1 }).fail('apply', { share: 1 });
    await expect(most.apply(change)).rejects.toThrow('made to fail');
  });

  it('hits so many calls, and then no more', async () => {
    const tier = faultyTier(bare().tier).fail('apply', { times: 2 });
    await expect(tier.apply(change)).rejects.toThrow('made to fail');
    await expect(tier.apply(change)).rejects.toThrow('made to fail');
    await expect(tier.apply(change)).resolves.toBeUndefined();
    expect(tier.struck('apply')).toBe(2);
  });

  it('of another kind stands beside it, one of the same kind takes its place', async () => {
    const clock = new FakeClock();
    const tier = faultyTier(bare().tier, { clock }).fail('read', { times: 1 }).slow('read', 100);
    await expect(tier.read(at)).rejects.toThrow('made to fail');
    tier.slow('read', 5);
    const read = Promise.resolve(tier.read(at));
    clock.advance(5);
    expect(await read).toBe(ABSENT);
  });

  it('is healed for some calls, or for all', async () => {
    const tier = faultyTier(bare().tier).fail('all').heal('read');
    expect(tier.read(at)).toBe(ABSENT);
    await expect(tier.apply(change)).rejects.toThrow('made to fail');
    await expect(tier.heal().apply(change)).resolves.toBeUndefined();
  });

  it.each([
    ['a share above 1', () => faultyTier(bare().tier).fail('read', { share: 1.5 }), /share is 1.5/],
    [
      'a share that is no number',
      () => faultyTier(bare().tier).hang('read', { share: NaN }),
      /share/,
    ],
    ['less than no times', () => faultyTier(bare().tier).loseFills({ times: -1 }), /times is -1/],
    ['a time before now', () => faultyTier(bare().tier).slow('read', -1), /ms is -1/],
  ])('refuses %s', (_what, set, message) => {
    expect(set).toThrow(message);
  });
});
