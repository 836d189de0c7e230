/** What the default placement decides, and how the paths take the word of any placement. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import { Address, Scope } from '../../src/core/key.js';
import type { PlacedEntry, Placement } from '../../src/core/placement.js';
import { DefaultPlacement } from '../../src/manager/placement.js';
import { Placing } from '../../src/manager/placing.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const ENTRY: PlacedEntry = { cache: 'c', bytes: 100, ttl: 60_000, loadMs: 10, uses: 0 };

function measured(
  hitShare: number,
  lookupMs: number,
  loadMs: number,
  hasL2 = true,
): DefaultPlacement {
  const clock = new FakeClock();
  const placement = new DefaultPlacement(hasL2, clock);
  for (let n = 0; n < 1_000; n++) {
    placement.looked('c', n % 100 < hitShare * 100, lookupMs);
    placement.loaded('c', loadMs);
  }
  clock.advance(20);
  return placement;
}

describe('the default placement', () => {
  it('passes L3 over for a cache that seldom hits there, and tries it now and then', () => {
    expect(measured(0, 2, 50).skipsRead('c')).toEqual({ reason: 'seldom hit', explore: 1 / 32 });
    expect(measured(0, 2, 50).skipsRead('another')).toBeUndefined();
    expect(measured(0.5, 2, 50).skipsRead('c')).toBeUndefined();
  });

  it('does not try it again at once: of many misses a share would be more than has to be known', () => {
    const clock = new FakeClock();
    const placement = new DefaultPlacement(true, clock);
    const look = (): void => placement.looked('c', false, 2);
    for (let n = 0; n < 200; n++) look();
    placement.loaded('c', 50);
    expect(placement.skipsRead('c')?.explore).toBe(0);
    clock.advance(19);
    expect(placement.skipsRead('c')?.explore).toBe(0);
    clock.advance(1);
    expect(placement.skipsRead('c')?.explore).toBe(1 / 32);
    look();
    expect(placement.skipsRead('c')?.explore).toBe(0);
  });

  it.each([
    [
      'what lives for less than 5 s',
      new DefaultPlacement(true, new FakeClock()),
      { ttl: 4_999 },
      'short-lived',
    ],
    ['what lives for 5 s', new DefaultPlacement(true, new FakeClock()), { ttl: 5_000 }, undefined],
    [
      'the same without an L2',
      new DefaultPlacement(false, new FakeClock()),
      { ttl: 10 },
      undefined,
    ],
    ['what loads faster than L3 answers', measured(1, 5, 1), {}, 'cheap to load'],
    ['what loads slower', measured(0, 5, 6), {}, undefined],
  ])('keeps out of L3: %s', (_what, placement, entry, reason) => {
    expect(placement.skipsFill('l3', { ...ENTRY, ...entry })?.reason).toBe(reason);
    expect(placement.skipsFill('l2', { ...ENTRY, ...entry })).toBeUndefined();
  });

  it.each([
    [{ bytes: 32 * 1024, uses: 1 }, undefined],
    [{ bytes: 32 * 1024 + 1, uses: 1 }, 'large, used once'],
    [{ bytes: 1_000_000, uses: 2 }, undefined],
    [{ ttl: 999, uses: 9 }, 'ends soon'],
  ])('brings up from L3: %o', (entry, reason) => {
    const placement = new DefaultPlacement(true, new FakeClock());
    expect(placement.skipsPromotion({ ...ENTRY, ...entry })?.reason).toBe(reason);
  });
});

describe('any placement', () => {
  const clock = new FakeClock();
  const scope = new Scope('app', 'p', 'c', { groups: [], types: new Map() });
  const address = new Address(scope, 'k');
  const entry = createEntry(
    'x'.repeat(1_000),
    { ttl: 60_000, grace: 0, tags: [] },
    clock.now(),
    7,
    true,
  );
  const nothing: Placement = {
    skipsRead: () => undefined,
    skipsFill: () => undefined,
    skipsPromotion: () => undefined,
  };
  afterEach(() => vi.restoreAllMocks());

  it('is told what is known of an entry', () => {
    const asked: unknown[] = [];
    const skipsFill: Placement['skipsFill'] = (...all) => void asked.push(...all);
    const skipsPromotion: Placement['skipsPromotion'] = (placed) => void asked.push(placed.uses);
    const placing = new Placing({ ...nothing, skipsFill, skipsPromotion }, clock, () => 0.5);
    expect(placing.fills('l3', address, entry)).toBe(true);
    placing.promotes(address, entry);
    placing.promotes(address, entry);
    const placed = { cache: 'c', ttl: 60_000, loadMs: 7, uses: 0 };
    expect(asked).toEqual(['l3', expect.objectContaining(placed), 1, 2]);
    expect((asked[1] as PlacedEntry).bytes).toBeGreaterThan(1_000);
  });

  it('is asked later on why an entry is not stored as if it were new: it has not become short-lived since', () => {
    const lives: number[] = [];
    const skipsFill: Placement['skipsFill'] = (_tier, { ttl }) => void lives.push(ttl);
    const placing = new Placing({ ...nothing, skipsFill }, clock, () => 0.5);
    clock.advance(59_000);
    placing.whyNotFilled('l3', address, entry);
    expect(lives).toEqual([60_000]);
  });

  it('is counted by reason, where it is followed', () => {
    let random = 0.5;
    const skipsRead = (): { reason: string; explore: number } => ({ reason: 'why', explore: 0.25 });
    const placing = new Placing({ ...nothing, skipsRead }, clock, () => random);
    expect(placing.reads('c')).toBe(false);
    random = 0.2;
    expect(placing.reads('c')).toBe(true);
    expect(placing.stats).toEqual({ reads: { why: 1 }, fills: {}, promotions: {} });
  });

  it('may not fill memory with reasons', () => {
    let n = 0;
    const skipsRead = (): { reason: string } => ({ reason: `reason ${n++}` });
    const placing = new Placing({ ...nothing, skipsRead }, clock, () => 0.5);
    for (let times = 0; times < 100; times++) placing.reads('c');
    expect(Object.keys(placing.stats.reads)).toHaveLength(33);
    expect(placing.stats.reads['_other']).toBe(68);
  });

  it('that throws is passed over, and told of once', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const skipsRead = (): never => {
      throw new TypeError('secret');
    };
    const placing = new Placing({ ...nothing, skipsRead }, clock, () => 0.5);
    expect([placing.reads('c'), placing.reads('c')]).toEqual([true, true]);
    expect(warned).toHaveBeenCalledOnce();
    expect(warned.mock.calls[0][0]).toBe('the placement of the cache threw: TypeError');
  });
});
