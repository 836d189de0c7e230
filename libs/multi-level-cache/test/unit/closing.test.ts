/** A cache that closes: what may still begin, how long loads may take, and that nothing hangs. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULTS } from '../../../../test/support/options.js';
import type { Tier } from '../../src/core/tier.js';
import { TypeOrmTransactions } from '../../src/integrations/transactions/typeorm-transactions.js';
import { createCache, type CacheRoot } from '../../src/manager/create-cache.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';

const L1 = { maxEntries: 100, maxSize: 1_000_000, keepStale: true };
const OURS = { ...DEFAULTS, ttl: 1_000, grace: 600_000 };
const LATE = { code: 'CACHE_LOADER_TIMEOUT' };

/** Redis as far as leases go. */
class Leases implements Tier {
  readonly name = 'l2';
  readonly held = new Set<string>();
  /** Another process loads everything. */
  busy = false;
  open = (): Promise<void> => Promise.resolve();
  close = (): Promise<void> => Promise.resolve();
  apply = (): Promise<void> => Promise.resolve();
  read = () => ({ state: 'absent' }) as const;
  ticket: Tier['ticket'] = ({ key }) => {
    if (this.busy) return { kind: 'busy' };
    this.held.add(key);
    return { kind: 'granted', ticket: { tier: 'l2' } };
  };
  fill: Tier['fill'] = ({ key }) => this.held.delete(key);
  release: NonNullable<Tier['release']> = ({ key }) => this.held.delete(key);
  status = () => ({ state: 'up', entries: 0, bytes: 0, evictions: 0, corrupt: 0 }) as const;
}

let clock: FakeClock;
let l2: Leases;
let cache: CacheRoot;
/** Lets time pass, and promises settle in between. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(Math.min(left, 50));
  }
  await new Promise((resolve) => setImmediate(resolve));
}
const never = (): Promise<never> => new Promise(() => undefined);
/** Whether it has come to its end. */
function ended(work: Promise<unknown>): () => boolean {
  let is = false;
  const end = (): void => void (is = true);
  work.then(end, end);
  return () => is;
}

beforeEach(async () => {
  clock = new FakeClock();
  l2 = new Leases();
  cache = createCache(
    { namespace: 'app', l1: L1, l2: { budget: 20 }, l3: false, warming: false, defaults: OURS },
    { l1: new MemoryTier(L1, clock), l2, l3: null },
    clock,
    (all) => new TypeOrmTransactions(all),
  );
  await cache.open();
});

describe('when closing begins', () => {
  it('calls are served as before, and nothing is reloaded in the background', async () => {
    const options = { ttl: 60_000, refreshAhead: 0.001 };
    const loader = vi.fn<() => string>(() => 'v');
    await cache.getOrSet('k', loader, options);
    await pass(100);
    await cache.beginClose();
    expect(await cache.getOrSet('k', loader, options)).toBe('v');
    expect(await cache.getOrSet('new', () => 'loaded')).toBe('loaded');
    await pass(100);
    expect(loader).toHaveBeenCalledTimes(1);
  });

  it('is over when what was under way has ended, though more has come', async () => {
    let finish!: (value: string) => void;
    const load = cache.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)));
    await pass(100);
    const over = ended(cache.beginClose());
    void cache.getOrSet('later', never).catch(() => undefined);
    await pass(100);
    expect(over()).toBe(false);
    finish('v');
    expect(await load).toBe('v');
    await pass(50);
    expect(over()).toBe(true);
  });

  it('a load gets two seconds from then on: its caller is told, its lease is given back, its loader hears of it', async () => {
    let signal!: AbortSignal;
    const load = cache.getOrSet('k', (_key, context) => ((signal = context.signal), never()));
    load.catch(() => undefined);
    await pass(1_000);
    void cache.beginClose();
    await pass(1_900);
    expect([...l2.held]).toEqual(['k']);
    await pass(200);
    await expect(load).rejects.toMatchObject(LATE);
    expect([...l2.held]).toEqual([]);
    expect(signal.aborted).toBe(true);
  });

  it('so does one that begins later', async () => {
    void cache.beginClose();
    await pass(1_500);
    const load = cache.getOrSet('k', never);
    load.catch(() => undefined);
    await pass(1_900);
    expect([...l2.held]).toEqual(['k']);
    await pass(200);
    await expect(load).rejects.toMatchObject(LATE);
    expect([...l2.held]).toEqual([]);
  });

  it('a stale value stands in for a load that is given up', async () => {
    await cache.getOrSet('k', () => 'old');
    await pass(1_500);
    const load = cache.getOrSet('k', never);
    await pass(100);
    void cache.beginClose();
    await pass(2_100);
    expect(await load).toBe('old');
  });

  it('nobody waits longer for another process', async () => {
    l2.busy = true;
    const load = cache.getOrSet('k', () => 'v');
    load.catch(() => undefined);
    await pass(100);
    void cache.beginClose();
    await pass(2_200);
    await expect(load).rejects.toMatchObject(LATE);
  });
});

describe('close', () => {
  it('ends at once where nothing is under way', async () => {
    const over = ended(cache.close());
    await pass(50);
    expect(over()).toBe(true);
  });

  it('waits for a load, and stores it', async () => {
    let finish!: (value: string) => void;
    const load = cache.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)));
    await pass(100);
    const fill = vi.spyOn(l2, 'fill');
    const over = ended(cache.close());
    await pass(1_500);
    expect(over()).toBe(false);
    finish('v');
    expect(await load).toBe('v');
    await pass(50);
    expect(over()).toBe(true);
    expect(fill).toHaveBeenCalledTimes(1);
  });

  it('does not wait for ever, and leaves no lease', async () => {
    const loads = ['a', 'b'].map((key) => cache.getOrSet(key, never));
    const told = Promise.allSettled(loads);
    await pass(100);
    const over = ended(cache.close());
    await pass(2_500);
    expect(over()).toBe(true);
    expect([...l2.held]).toEqual([]);
    for (const result of await told)
      expect(result).toMatchObject({ status: 'rejected', reason: LATE });
  });
});
