/** Waiting for a load of another process: how it ends. */
import { expect, it } from 'vitest';
import { DEFAULTS } from '../../../../test/support/options.js';
import type { Tier } from '../../src/core/tier.js';
import { TypeOrmTransactions } from '../../src/integrations/transactions/typeorm-transactions.js';
import { createCache } from '../../src/manager/create-cache.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';

const HARD_MS = 1_000;

/** The process may stand still: time goes on, and timers run afterwards. */
class StallingClock extends FakeClock {
  #stalled = 0;

  stall(ms: number): void {
    this.#stalled += ms;
  }

  override now(): number {
    return super.now() + this.#stalled;
  }
}

/** Another process loads everything, for ever. */
const busy: Tier = {
  name: 'l2',
  open: () => Promise.resolve(),
  close: () => Promise.resolve(),
  apply: () => Promise.resolve(),
  read: () => ({ state: 'absent' }),
  ticket: () => ({ kind: 'busy' }),
  fill: () => false,
  status: () => ({ state: 'up', entries: 0, bytes: 0, evictions: 0, corrupt: 0 }),
};

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(50);
  }
}

it.each([
  { when: 'hardTimeout has passed', stall: 0 },
  { when: 'it passed while the process stood still', stall: 2 * HARD_MS },
])('the stale value stands in when $when', async ({ stall }) => {
  const clock = new StallingClock();
  const l1 = { maxEntries: 100, maxSize: 1_000_000, keepStale: true };
  const defaults = { ...DEFAULTS, ttl: 100, grace: 600_000, hardTimeout: HARD_MS };
  const cache = createCache(
    { namespace: 'app', l1, l2: { budget: 20 }, l3: false, warming: false, defaults },
    { l1: new MemoryTier(l1, clock), l2: busy, l3: null },
    clock,
    (all) => new TypeOrmTransactions(all),
  );
  await cache.getOrSet('k', () => 'old', { tiers: ['l1'] });
  clock.advance(200);
  const load = cache.getOrSet('k', () => 'new');
  load.catch(() => undefined);
  await pass(clock, 200);
  clock.stall(stall);
  await pass(clock, HARD_MS);
  expect(await load).toBe('old');
});
