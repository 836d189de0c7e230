/** A tier behind faults that do not strike, or only slow it down, is a tier: under the contract of every tier, on real servers. */
import { describe, expect, it } from 'vitest';
import { L3 } from '../../../../test/support/options.js';
import { databaseUrl, freshNamespace, redisUrl } from '../../../../test/support/servers.js';
import { SystemClock, type Clock } from '../../src/core/clock.js';
import type { Tier } from '../../src/core/tier.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { faultyTier, type FaultyTier } from '../../src/testing/faulty-tier.js';
import { tierContract, type ContractSetup } from '../../src/testing/tier-contract.js';
import { DatabaseTier } from '../../src/tiers/database/database-tier.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';
import { RedisTier } from '../../src/tiers/redis/redis-tier.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

type Make = (namespace: string, clock: Clock) => Tier;

const redis: Make = (namespace, clock) =>
  new RedisTier({ url: redisUrl(), budget: 1_000 }, { namespace, clock });
const database: Make = (namespace, clock) =>
  new DatabaseTier({ ...L3, url: databaseUrl() }, { namespace, clock });

async function setup(make: Make, fault?: (tier: FaultyTier) => void): Promise<ContractSetup> {
  const clock = new SystemClock();
  const namespace = freshNamespace();
  const tier = faultyTier(make(namespace, clock));
  await tier.open(DEAF);
  fault?.(tier);
  return { tier, clock, namespace, cleanup: () => tier.close() };
}

function memory(): Promise<ContractSetup> {
  const clock = new FakeClock();
  const real = new MemoryTier({ maxEntries: 1_000, maxSize: 1024 ** 2, keepStale: true }, clock);
  return Promise.resolve({
    tier: faultyTier(real),
    clock,
    pass: (ms) => Promise.resolve(clock.advance(ms)),
    cleanup: () => real.close(),
  });
}

describe.each([
  ['memory, no fault', memory],
  ['redis, no fault', () => setup(redis)],
  ['redis, every call 5 ms late', () => setup(redis, (tier) => tier.slow('all', 5))],
  ['database, no fault', () => setup(database)],
])('%s', (_name, make) => {
  it.each(tierContract(make))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
