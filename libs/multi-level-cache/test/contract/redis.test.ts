/** L2 under the contract of every tier, on a real Redis. */
import { describe, expect, it } from 'vitest';
import { freshNamespace, redisUrl } from '../../../../test/support/servers.js';
import { SystemClock } from '../../src/core/clock.js';
import { tierContract, type ContractSetup } from '../../src/testing/tier-contract.js';
import { RedisTier } from '../../src/tiers/redis/redis-tier.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

async function setup(): Promise<ContractSetup> {
  const clock = new SystemClock();
  const namespace = freshNamespace();
  const tier = new RedisTier({ url: redisUrl(), budget: 1_000 }, { namespace, clock });
  await tier.open(DEAF);
  return { tier, clock, namespace, cleanup: () => tier.close() };
}

describe('redis tier', () => {
  it.each(tierContract(setup))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
