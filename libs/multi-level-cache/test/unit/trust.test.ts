/** How long memory is trusted while nothing is heard of other instances. */
import { expect, it } from 'vitest';
import { Trust } from '../../src/manager/trust.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import type { MemoryTier } from '../../src/tiers/memory/memory-tier.js';

interface Made {
  readonly clock: FakeClock;
  readonly trust: Trust;
  readonly l1: { readonly trusted: boolean; readonly trustedUntil: number; flushed: number };
}

function make(partitionTtl = 30_000, told = false): Made {
  const clock = new FakeClock();
  const l1 = {
    trustedUntil: Infinity,
    flushed: 0,
    flush: () => void l1.flushed++,
    get trusted() {
      return clock.now() < this.trustedUntil;
    },
  };
  return { clock, l1, trust: new Trust(l1 as unknown as MemoryTier, clock, partitionTtl, told) };
}

it('is not trusted 3 s after the moment up to which all was heard, and is again with the next one', () => {
  const { clock, trust, l1 } = make();
  trust.heard(clock.now());
  clock.advance(2_900);
  expect(l1.trusted).toBe(true);
  clock.advance(200);
  expect(l1.trusted).toBe(false);
  trust.heard(clock.now());
  expect(l1.trusted).toBe(true);
  expect(l1.flushed).toBe(0);
});

it('stays trusted where nobody ever tells what was heard', () => {
  const { clock, l1 } = make();
  clock.advance(60_000);
  expect(l1).toMatchObject({ trusted: true, flushed: 0 });
});

it('is not trusted where something is to be told and never is', () => {
  const { clock, l1 } = make(30_000, true);
  clock.advance(2_900);
  expect(l1.trusted).toBe(true);
  clock.advance(200);
  expect(l1.trusted).toBe(false);
});

it('forgets while Redis is away: counted from what was heard last, not from when it was noticed, and again and again', () => {
  const { clock, trust, l1 } = make();
  trust.heard(clock.now());
  clock.advance(2_500);
  trust.state('down');
  clock.advance(27_400);
  expect(l1.flushed).toBe(0);
  clock.advance(200);
  expect(l1.flushed).toBe(1);
  clock.advance(30_000);
  expect(l1.flushed).toBe(2);
  trust.state('up');
  trust.heard(clock.now());
  clock.advance(2_000);
  expect(l1).toMatchObject({ trusted: true, flushed: 2 });
});

it('is trusted again when Redis is gone altogether, until its time is up', () => {
  const { clock, trust, l1 } = make();
  trust.heard(clock.now());
  clock.advance(4_000);
  expect(l1.trusted).toBe(false);
  trust.state('down');
  expect(l1).toMatchObject({ trusted: true, flushed: 0 });
  clock.advance(26_100);
  expect(l1.flushed).toBe(1);
});

it('counts from boot where Redis was never there', () => {
  const { clock, trust, l1 } = make(5_000);
  trust.state('down');
  clock.advance(5_100);
  expect(l1.flushed).toBe(1);
});

it('is told until when, so that a process that stood still need not wait for a timer', () => {
  const { clock, trust, l1 } = make();
  clock.advance(1_000);
  trust.heard(clock.now() - 500);
  expect(l1.trustedUntil).toBe(clock.now() + 2_500);
  trust.state('down');
  expect(l1.trustedUntil).toBe(clock.now() + 29_500);
});
