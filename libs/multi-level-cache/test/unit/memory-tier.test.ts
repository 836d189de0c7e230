/** L1 beyond the contract: hits, bounds, the cap on its ttl, flushes and what explain sees. */
import { describe, expect, it, vi } from 'vitest';
import { createEntry, type Entry, type Life } from '../../src/core/entry.js';
import { Address, Scope } from '../../src/core/key.js';
import type { L1Options } from '../../src/core/options.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier, NO_ROW } from '../../src/tiers/memory/memory-tier.js';

const scope = new Scope('app', 'p', 'default');
const at = (key: string): Address => new Address(scope, key);

/** What is in a row, while nothing else is asked of the tier. */
interface Hit {
  readonly value: () => unknown;
  readonly promise: () => Promise<unknown>;
}

function bench(options: Partial<L1Options> = {}) {
  const clock = new FakeClock();
  const tier = new MemoryTier(
    { maxEntries: 100, maxSize: 1024 ** 2, keepStale: true, ...options },
    clock,
  );
  const entry = (value: unknown, life: Partial<Life> = {}): Entry =>
    createEntry(value, { ttl: 1_000, grace: 1_000, tags: [], ...life }, clock.now(), 0, false);
  const fill = (key: string, value: unknown = key, life: Partial<Life> = {}): boolean =>
    tier.fill(at(key), entry(value, life), tier.ticketFor(at(key))!);
  const hit = (key: string): Hit | undefined => {
    const row = tier.hit(tier.partition(scope), key);
    if (row === NO_ROW) return undefined;
    return { value: () => tier.value(row), promise: () => tier.promise(row) };
  };
  return { clock, tier, entry, fill, hit };
}

describe('a hit', () => {
  it('counts, and remembers when', () => {
    const { clock, tier, fill, hit } = bench();
    fill('key');
    clock.advance(10);
    hit('key');
    hit('key');
    expect(tier.inspect(at('key'))).toMatchObject({ hits: 2, lastAccess: clock.now() });
  });

  it('gives the same promise each time for a frozen value', async () => {
    const { fill, hit } = bench();
    fill('key', { a: 1 });
    const promise = hit('key')!.promise();
    expect(hit('key')!.promise()).toBe(promise);
    expect(hit('key')!.value()).toBe(await promise);
    expect(Object.isFrozen(await promise)).toBe(true);
  });

  it('gives each caller its own copy of a value that cannot be frozen', async () => {
    const { fill, hit } = bench();
    fill('key', new Map([['a', 1]]));
    const first = await hit('key')!.promise();
    expect(await hit('key')!.promise()).toEqual(first);
    expect(await hit('key')!.promise()).not.toBe(first);
    expect(hit('key')!.value()).not.toBe(first);
  });

  it('is none once the entry is stale, though its grace goes on', () => {
    const { clock, tier, fill, hit } = bench();
    fill('key');
    clock.advance(1_000);
    expect(hit('key')).toBeUndefined();
    expect(tier.read(at('key'))).toMatchObject({ state: 'stale' });
  });

  it('is none after a tag of the entry was bumped, and looks once per bump elsewhere', () => {
    const { tier, fill, hit } = bench();
    const looks = vi.spyOn(tier.tags, 'judge');
    fill('key', 1, { tags: ['red'] });
    tier.tags.bump('p', ['blue']);
    tier.tags.bump('t:other', ['red']);
    expect([hit('key')?.value(), hit('key')?.value()]).toEqual([1, 1]);
    expect(looks).toHaveBeenCalledTimes(1);
    tier.tags.bump('p', ['red']);
    expect(hit('key')).toBeUndefined();
    expect(tier.status().entries).toBe(0);
  });

  it('saves its entry from eviction', () => {
    const { clock, tier, fill, hit } = bench({ maxEntries: 2, eviction: 'lru' });
    fill('a');
    fill('b');
    clock.advance(1);
    hit('a');
    fill('c');
    expect(['a', 'b', 'c'].map((key) => hit(key)?.value())).toEqual(['a', undefined, 'c']);
    expect(tier.status()).toMatchObject({ entries: 2, evictions: 1 });
  });
});

describe('the order of use', () => {
  it('is the order of hits', () => {
    const { clock, fill, hit } = bench({ maxEntries: 3, eviction: 'lru' });
    ['a', 'b', 'c'].forEach((key) => fill(key));
    clock.advance(1);
    ['b', 'a'].forEach(hit);
    ['d', 'e', 'f'].forEach((key) => fill(key));
    fill('g');
    expect(['a', 'b', 'c'].map((key) => hit(key)?.value())).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    ['f', 'e'].forEach(hit);
    fill('h');
    expect(['e', 'f', 'g', 'h'].map((key) => hit(key)?.value())).toEqual([
      'e',
      'f',
      undefined,
      'h',
    ]);
  });
});

describe('a listener for evictions', () => {
  it('finds the key gone and its row free, and may fill it again', () => {
    const { tier, fill, hit } = bench({ maxEntries: 2 });
    const seen: unknown[] = [];
    tier.onEvict = (_cache, key) => {
      seen.push([key, hit(key), tier.status().entries]);
      if (key === 'a') fill('a', 'again');
    };
    ['a', 'b', 'c'].forEach((key) => fill(key));
    expect(seen).toEqual([
      ['a', undefined, 2],
      ['b', undefined, 2],
    ]);
    expect(['a', 'b', 'c'].map((key) => hit(key)?.value())).toEqual(['again', undefined, 'c']);
  });

  it('may close the tier, though more was to go', () => {
    const { tier, fill, hit } = bench({ maxSize: 12_000 });
    tier.onEvict = () => void tier.close();
    for (let n = 0; n < 46; n++) fill(`key${n}`, '');
    fill('d', 'x'.repeat(1_200));
    expect(tier.status()).toMatchObject({ entries: 0, bytes: 0, evictions: 1 });
    expect(hit('d')).toBeUndefined();
  });
});

describe('the bounds', () => {
  it('hold by bytes, over all partitions', () => {
    const { tier, entry, fill } = bench({ maxSize: 12_000 });
    const other = new Address(new Scope('app', 't:a', 'default'), 'key');
    tier.fill(other, entry('x'.repeat(1_000)), tier.ticketFor(other)!);
    for (let n = 0; n < 20; n++) fill(`key${n}`, 'x'.repeat(1_000));
    const { bytes, entries, evictions } = tier.status();
    expect(bytes).toBeLessThanOrEqual(12_000);
    expect(entries + evictions).toBe(21);
    expect(tier.read(other).state).toBe('absent');
    expect(tier.partition(other.scope).rows.size).toBe(0);
  });

  it('refuse an entry larger than all of L1, and drop the older value', () => {
    const { tier, fill } = bench({ maxSize: 2_400 });
    fill('key', 'small');
    expect(fill('key', 'x'.repeat(4_000))).toBe(false);
    expect(tier.read(at('key')).state).toBe('absent');
    expect(tier.status()).toMatchObject({ entries: 0, bytes: 0, evictions: 0 });
  });

  it('refuse an entry whose size no cell can hold, for it would count as a small one', () => {
    const { tier, entry } = bench({ maxSize: 2 ** 40 });
    const small = entry('value');
    const huge = { ...small, shape: { ...small.shape, bytes: 2 ** 32 } };
    expect(tier.fill(at('key'), huge, tier.ticketFor(at('key'))!)).toBe(false);
    expect(tier.status()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('keep count when a key is filled again and again', () => {
    const { tier, fill } = bench();
    fill('key', 'x'.repeat(5_000));
    for (let n = 0; n < 50; n++) fill('key', 'x'.repeat(n));
    fill('key', '');
    const once = bench();
    once.fill('key', '');
    expect(tier.status()).toMatchObject({ entries: 1, bytes: once.tier.status().bytes });
    expect(tier.partition(scope).rows.size).toBe(1);
  });

  it('drop partitions without entries, and tell who holds one', () => {
    const { tier, fill } = bench();
    fill('key');
    const kept = tier.partition(scope);
    const empty = tier.partition(new Scope('app', 't:empty', 'default'));
    for (let n = 0; n < 10_000; n++) tier.partition(new Scope('app', `t:${n}`, 'default'));
    expect({ kept: kept.live, empty: empty.live }).toEqual({ kept: true, empty: false });
    expect(tier.partition(scope)).toBe(kept);
  });
});

describe('the life of an entry', () => {
  it('is capped by the ttl of L1', () => {
    const { clock, tier, fill, hit } = bench({ ttl: 100 });
    fill('key');
    clock.advance(99);
    expect(hit('key')).toBeDefined();
    clock.advance(1);
    expect(hit('key')).toBeUndefined();
    expect(tier.read(at('key')).state).toBe('stale');
  });

  it('ends with its ttl where a tier below holds the grace', () => {
    const { clock, tier, fill, hit } = bench({ keepStale: false });
    fill('key');
    clock.advance(1_000);
    expect(tier.read(at('key'))).toEqual({ state: 'absent' });
    expect(hit('key')).toBeUndefined();
    expect(tier.status().entries).toBe(0);
  });

  it('does not begin with a ttl of 0, whatever its grace', () => {
    const { tier, fill } = bench();
    expect(fill('key', 1, { ttl: 0 })).toBe(false);
    expect(tier.read(at('key')).state).toBe('absent');
  });
});

describe('a flush', () => {
  it('forgets every entry and voids every ticket', () => {
    const { tier, entry, fill, hit } = bench();
    fill('a');
    fill('b');
    const ticket = tier.ticketFor(at('c'))!;
    tier.flush();
    expect(tier.fill(at('c'), entry('late'), ticket)).toBe(false);
    expect(tier.read(at('a'))).toEqual({ state: 'invalid' });
    expect([hit('a'), hit('b')]).toEqual([undefined, undefined]);
    expect(tier.status()).toMatchObject({ entries: 0, bytes: 0 });
    expect(fill('a')).toBe(true);
    expect(hit('a')?.value()).toBe('a');
  });
});

describe('a row used again', () => {
  it('after a flush answers with what came in since, and rows of before stay dead', () => {
    const { tier, fill, hit } = bench();
    ['a', 'b', 'c'].forEach((key) => fill(key, key, { tags: ['red'] }));
    tier.flush();
    fill('b', 'new');
    fill('d', 'new');
    tier.tags.bump('p', ['blue']);
    expect(['a', 'b', 'c', 'd'].map((key) => hit(key)?.value())).toEqual([
      undefined,
      'new',
      undefined,
      'new',
    ]);
    fill('e', 'newer');
    expect(['a', 'c', 'e'].map((key) => hit(key)?.value())).toEqual([
      undefined,
      undefined,
      'newer',
    ]);
  });

  it('answers for its new key only', async () => {
    const { tier, fill, hit } = bench({ maxEntries: 2 });
    fill('a');
    await hit('a')!.promise();
    tier.drop(scope, 'a');
    fill('b');
    fill('c');
    fill('d');
    expect([hit('a'), hit('b')]).toEqual([undefined, undefined]);
    expect(await hit('c')!.promise()).toBe('c');
    expect(await hit('d')!.promise()).toBe('d');
  });

  it('is found by nobody through a partition of before a close', async () => {
    const { tier, fill } = bench();
    fill('a');
    const before = tier.partition(scope);
    await tier.close();
    fill('b');
    expect(tier.hit(before, 'a')).toBe(NO_ROW);
    expect(before.live).toBe(false);
  });
});

describe('hits, when asked for', () => {
  it('are told once, by scope and key', () => {
    const { tier, fill, hit } = bench();
    const take = (): unknown[] => {
      const told: unknown[] = [];
      const steps = tier.takeHits((owner, key, hits) => told.push([owner.tenant, key, hits]));
      while (!steps.next().done);
      return told;
    };
    ['a', 'b'].forEach((key) => fill(key));
    ['a', 'b', 'b'].forEach(hit);
    tier.drop(scope, 'a');
    expect(take()).toEqual([['p', 'b', 2]]);
    hit('b');
    expect(take()).toEqual([['p', 'b', 1]]);
    expect(take()).toEqual([]);
    tier.drop(scope, 'b');
    fill('c');
    hit('c');
    expect(take()).toEqual([['p', 'c', 1]]);
  });
});

describe('hits of an entry that goes', () => {
  it('are told when it goes, so that none is lost where values are short-lived', () => {
    const { tier, fill, hit } = bench();
    const told: unknown[] = [];
    tier.onHits = (owner, key, hits) => told.push([owner.tenant, key, hits]);
    fill('a');
    ['a', 'a'].forEach(hit);
    fill('a');
    expect(told).toEqual([['p', 'a', 2]]);
    hit('a');
    tier.drop(scope, 'a');
    expect(told).toEqual([
      ['p', 'a', 2],
      ['p', 'a', 1],
    ]);
  });
});

describe('a drop', () => {
  it('removes the entry and voids tickets of its key', () => {
    const { tier, entry, fill } = bench();
    fill('key');
    const ticket = tier.ticketFor(at('key'))!;
    const other = tier.ticketFor(at('other'))!;
    tier.drop(new Scope('app', 'p', 'default'), 'key');
    expect(tier.read(at('key')).state).toBe('absent');
    expect(tier.fill(at('key'), entry('late'), ticket)).toBe(false);
    expect(tier.fill(at('other'), entry('value'), other)).toBe(true);
  });
});

describe('an expiry', () => {
  it('voids tickets of its key, whether the entry is fresh, stale or not there', () => {
    const { tier, entry, fill } = bench();
    const late = (): boolean => {
      const ticket = tier.ticketFor(at('key'))!;
      tier.expire(scope, 'key');
      return tier.fill(at('key'), entry('late'), ticket);
    };
    const whenAbsent = late();
    fill('key');
    expect([whenAbsent, late(), late()]).toEqual([false, false, false]);
    expect(tier.read(at('key'))).toMatchObject({ state: 'stale', entry: { value: 'key' } });
  });
});

describe('inspect', () => {
  it('touches neither counters nor order', () => {
    const { tier, fill, hit } = bench({ maxEntries: 2 });
    fill('a', 1, { tags: ['red'] });
    fill('b');
    const view = tier.inspect(at('a'));
    expect(view).toMatchObject({ state: 'fresh', hits: 0, entry: { tags: ['red'] } });
    expect(view!.bytes).toBeGreaterThan(0);
    fill('c');
    expect(hit('a')).toBeUndefined();
    expect(tier.inspect(at('a'))).toBeUndefined();
  });
});

describe('a ticket', () => {
  it('of another tier fills nothing', () => {
    const { tier, entry } = bench();
    expect(tier.fill(at('key'), entry('value'), { tier: 'l2' })).toBe(false);
  });

  it('is void once a tag of the value, not of the call, was bumped', () => {
    const { tier, entry } = bench();
    const ticket = tier.ticketFor(at('key'))!;
    tier.tags.bump('p', ['late']);
    expect(tier.fill(at('key'), entry('value', { tags: ['late'] }), ticket)).toBe(false);
    expect(tier.fill(at('key'), entry('value', { tags: ['other'] }), ticket)).toBe(true);
  });
});
