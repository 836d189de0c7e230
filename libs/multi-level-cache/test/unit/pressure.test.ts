/** How L1's bound follows the heap: down at once, no further until a collection has shown what it brought, up again slowly. */
import { describe, expect, it } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import { Address, Scope } from '../../src/core/key.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';
import { Pressure, readHeap } from '../../src/tiers/memory/pressure.js';

const LIMIT = 960;
const MOST = 800;

function bench() {
  const heap = { used: 0, limit: LIMIT };
  const pressure = new Pressure(MOST, () => heap);
  let now = 0;
  /** What it may hold after a look at a heap that is so full, a second after the last one. */
  const look = (used: number, held = pressure.bound): number => {
    heap.used = used;
    pressure.look(held, (now += 1_000));
    return pressure.bound;
  };
  return { pressure, look };
}

describe('the bound of L1', () => {
  it('is what it was given while the heap has room', () => {
    const { pressure, look } = bench();
    expect([look(0), look(500), look(810)]).toEqual([MOST, MOST, MOST]);
    expect(pressure.on).toBe(false);
  });

  it('is half of what it holds once the heap is nearly full', () => {
    const { pressure, look } = bench();
    expect(look(830, 400)).toBe(200);
    expect(pressure.on).toBe(true);
  });

  it('is not lowered again before a collection: what was let go is still in the count', () => {
    const { look } = bench();
    expect([look(830), look(830), look(840)]).toEqual([400, 400, 400]);
  });

  it('is lowered again where the heap goes on growing, and where a collection has not helped', () => {
    const { look } = bench();
    expect([look(830), look(865), look(890)]).toEqual([400, 200, 200]);
    expect(look(840)).toBe(100);
  });

  it('rises a little a second once there is room, and not beyond what it was given', () => {
    const { pressure, look } = bench();
    look(830);
    expect([look(700), look(660), look(660)]).toEqual([400, 430, 460]);
    for (let n = 0; n < 12; n++) look(100);
    expect(pressure.bound).toBe(MOST);
    expect(pressure.on).toBe(false);
  });

  it('rises once a second, however often it looks', () => {
    const { pressure, look } = bench();
    look(830);
    look(100);
    pressure.look(0, 2_999);
    expect(pressure.bound).toBe(430);
  });
});

it('the heap is read against the limit of what lives long', () => {
  const { limit, used } = readHeap();
  expect(used).toBeGreaterThan(1024 ** 2);
  expect(used).toBeLessThan(limit);
});

describe('a full heap', () => {
  function tierOn(heap: { used: number; limit: number }) {
    const clock = new FakeClock();
    const options = { maxEntries: 1_000, maxSize: 100_000, keepStale: false };
    const tier = new MemoryTier(options, clock, () => heap);
    const told: boolean[] = [];
    tier.onPressure = (on) => told.push(on);
    const scope = new Scope('app', 'p', 'default');
    const fill = (key: string): void => {
      const address = new Address(scope, key);
      const life = { ttl: 3_600_000, grace: 0, tags: [] };
      const entry = createEntry('x'.repeat(1_000), life, clock.now(), 0, true);
      tier.fill(address, entry, tier.ticketFor(address)!);
    };
    const has = (key: string): boolean => tier.read(new Address(scope, key)).state === 'fresh';
    return { clock, tier, told, fill, has };
  }

  it('takes the oldest half of L1 within a second, which is counted and told; it rises again', () => {
    const heap = { used: 0, limit: 1e9 };
    const { clock, tier, told, fill, has } = tierOn(heap);
    for (let n = 0; n < 20; n++) fill(`k${n}`);
    const before = tier.status();
    heap.used = 0.9e9;
    clock.advance(1_000);
    const after = tier.status();
    expect(after).toMatchObject({ state: 'degraded', reason: expect.stringContaining('heap') });
    expect(after.bytes).toBeLessThanOrEqual(before.bytes / 2);
    expect(after.evictions).toBe(20 - after.entries);
    expect([has('k0'), has('k19')]).toEqual([false, true]);
    heap.used = 0.1e9;
    clock.advance(16_000);
    expect(tier.status().state).toBe('up');
    expect(told).toEqual([true, false]);
    for (let n = 0; n < 20; n++) fill(`again${n}`);
    expect(tier.status().bytes).toBeGreaterThan(after.bytes);
  });

  it('is noticed without a timer where much comes in', () => {
    const heap = { used: 0, limit: 100_000 };
    const { tier, fill } = tierOn(heap);
    fill('first');
    heap.used = 90_000;
    for (let n = 0; n < 10; n++) fill(`k${n}`);
    expect(tier.status().state).toBe('degraded');
    expect(tier.status().evictions).toBeGreaterThan(0);
  });
});
