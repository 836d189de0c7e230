/** What the cache does with what a shared tier tells it: a tier that says whatever the test wants it to. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULTS, L3 } from '../../../../test/support/options.js';
import type { Entry } from '../../src/core/entry.js';
import type { Address } from '../../src/core/key.js';
import type {
  Change,
  DebtBook,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierState,
  TierStatus,
} from '../../src/core/tier.js';
import { TypeOrmTransactions } from '../../src/integrations/transactions/typeorm-transactions.js';
import type { MakeHooks } from '../../src/manager/application.js';
import { createCache, type CacheRoot } from '../../src/manager/create-cache.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';

const hooks: MakeHooks = (all) => new TypeOrmTransactions(all);

class Told implements Tier {
  listener!: TierListener;
  state: TierState = 'up';
  readonly applied: Change[] = [];
  book: DebtBook | undefined;
  constructor(readonly name: 'l2' | 'l3' = 'l2') {}
  open(listener: TierListener): Promise<void> {
    this.listener = listener;
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  read(_address: Address): TierRead {
    return { state: 'absent' };
  }
  ticket(_address: Address, _read: TierRead): TicketReply {
    return { kind: 'granted', ticket: { tier: this.name } };
  }
  fill(_address: Address, _entry: Entry, _ticket: Ticket): boolean {
    return true;
  }
  apply(change: Change): Promise<void> {
    this.applied.push(change);
    return Promise.resolve();
  }
  status(): TierStatus {
    return { state: this.state, entries: 0, bytes: 0, evictions: 0, corrupt: 0 };
  }
}

let clock: FakeClock;
let l2: Told;
let cache: CacheRoot;

const L1 = { maxEntries: 100, maxSize: 1_000_000, keepStale: false };

beforeEach(async () => {
  clock = new FakeClock();
  l2 = new Told();
  const options = {
    namespace: 'app',
    l1: L1,
    l2: { budget: 20 },
    l3: false as const,
    warming: false as const,
    defaults: DEFAULTS,
  };
  cache = createCache(options, { l1: new MemoryTier(L1, clock), l2, l3: null }, clock, hooks);
  await cache.open();
  for (const key of ['k', 'tagged']) {
    await cache.getOrSet(key, () => 'v', { tags: key === 'tagged' ? ['t'] : [] });
  }
});
afterEach(() => cache.close());

it('forgets everything in memory when messages may have been missed', () => {
  expect(cache.peek('k')).toBe('v');
  l2.listener.lost();
  expect(cache.peek('k')).toBeUndefined();
});

it('hands out what only memory has of a write, frozen, and leaves its giver free to change its own', async () => {
  const given = { list: [1] };
  await cache.set('own', given, { tiers: ['l1'] });
  given.list.push(2);
  const held = cache.peek<typeof given>('own')!;
  expect(held).toEqual({ list: [1] });
  expect([held, held.list].every(Object.isFrozen)).toBe(true);
});

it('drops the key another process changed, in its tenant and cache only', () => {
  l2.listener.changed({
    kind: 'delete',
    keys: [
      ['t:a', 'default', 'k'],
      ['p', 'other', 'k'],
    ],
  });
  expect(cache.peek('k')).toBe('v');
  l2.listener.changed({ kind: 'delete', keys: [['p', 'default', 'k']] });
  expect(cache.peek('k')).toBeUndefined();
  expect(cache.peek('tagged')).toBe('v');
});

it('drops what carries the tag another process bumped', () => {
  l2.listener.changed({ kind: 'tags', tenant: 'p', tags: ['t'] });
  expect(cache.peek('tagged')).toBeUndefined();
  expect(cache.peek('k')).toBe('v');
});

it('does not store what was read before another process changed the key', async () => {
  let finish!: (value: string) => void;
  const load = cache.getOrSet('late', () => new Promise<string>((resolve) => (finish = resolve)));
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  l2.listener.changed({ kind: 'delete', keys: [['p', 'default', 'late']] });
  finish('old');
  expect(await load).toBe('old');
  expect(cache.peek('late')).toBeUndefined();
});

it('keeps nothing in memory for longer than partitionTtl while the tier cannot be heard', async () => {
  l2.listener.state('down');
  clock.advance(29_999);
  expect(cache.peek('k')).toBe('v');
  clock.advance(1);
  expect(cache.peek('k')).toBeUndefined();
  await cache.getOrSet('k', () => 'again');
  clock.advance(30_000);
  expect(cache.peek('k')).toBeUndefined();
  l2.listener.state('up');
  await cache.getOrSet('k', () => 'heard');
  clock.advance(30_000);
  expect(cache.peek('k')).toBe('heard');
});

it('tells when a tier goes and comes', () => {
  const told: string[] = [];
  cache.on('tier', ({ tier, state }) => told.push(`${tier} ${state}`));
  l2.listener.state('down');
  l2.listener.state('up');
  expect(told).toEqual(['l2 down', 'l2 up']);
});

it('answers a hit with what was hit, whatever its listener does to the key', async () => {
  const asks = {
    get: () => cache.get('k'),
    getOrSet: () => cache.getOrSet('k', () => 'loaded'),
    getMany: async () => (await cache.getMany(['k'])).get('k'),
  };
  for (const [verb, ask] of Object.entries(asks)) {
    await cache.getOrSet('k', () => 'v');
    const off = cache.on('hit', () => {
      l2.listener.changed({ kind: 'delete', keys: [['p', 'default', 'k']] });
    });
    expect([verb, await ask()]).toEqual([verb, 'v']);
    expect(cache.peek('k')).toBeUndefined();
    off();
  }
});

it('what L3 tells L2 to be owed is paid at once; while L2 is away it is left to the outbox', async () => {
  const l3 = new Told('l3');
  const struck: string[] = [];
  l3.book = {
    owe: () => Promise.resolve(),
    debts: () => Promise.resolve([]),
    strike: (ids) => Promise.resolve(void struck.push(...ids)),
  };
  const upper = new Told();
  const lower = { namespace: 'app', l1: L1, l2: { budget: 20 }, l3: L3, warming: false as const };
  const made = createCache(
    { ...lower, defaults: DEFAULTS },
    { l1: new MemoryTier(L1, clock), l2: upper, l3 },
    clock,
    hooks,
  );
  await made.open();
  const change = { kind: 'delete', keys: [['p', 'default', 'k']] } as const;
  upper.state = 'down';
  upper.listener.state('down');
  l3.listener.changed(change, 'one');
  await made.drain();
  expect(upper.applied).toEqual([]);
  upper.state = 'up';
  upper.listener.state('up');
  l3.listener.changed(change, 'two');
  await made.drain();
  expect(upper.applied).toMatchObject([{ kind: 'delete', addresses: [{ key: 'k' }] }]);
  expect(struck).toEqual(['two']);
  await made.close();
});

describe('without L2', () => {
  it.each([
    { title: 'L3 is followed', l3: L3, believed: undefined },
    { title: 'L3 that cannot be heard is not', l3: { ...L3, poolerMode: true }, believed: 'v' },
    { title: 'L3 that nobody is to hear is not', l3: { ...L3, quiet: true }, believed: 'v' },
  ])('$title: when memory is believed after silence from the start', async ({ l3, believed }) => {
    const options = { namespace: 'app', l1: L1, l2: false as const, l3, warming: false as const };
    const tier = new Told('l3');
    const made = createCache(
      { ...options, defaults: DEFAULTS },
      { l1: new MemoryTier(L1, clock), l2: null, l3: tier },
      clock,
      hooks,
    );
    await made.open();
    await made.getOrSet('k', () => 'v');
    clock.advance(2_900);
    expect(made.peek('k')).toBe('v');
    clock.advance(200);
    expect(made.peek('k')).toBe(believed);
    tier.listener.heard?.(clock.now());
    expect(made.peek('k')).toBe('v');
    await made.close();
  });
});
