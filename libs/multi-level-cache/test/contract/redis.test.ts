/** L2 under the contract of every tier, on a real Redis of each shape. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshNamespace } from '../../../../test/support/servers.js';
import { startTopology, TOPOLOGIES, type Topology } from '../../../../test/support/topologies.js';
import { openVault, rulesWith } from '../../../../test/support/vault.js';
import { SystemClock } from '../../src/core/clock.js';
import { tierContract, type ContractSetup } from '../../src/testing/tier-contract.js';
import { RedisTier } from '../../src/tiers/redis/redis-tier.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

describe.each(
  TOPOLOGIES.flatMap((name) => [[name, 'plain'] as const, [name, 'encrypted'] as const]),
)('redis tier, %s, %s', (name, how) => {
  let topology: Topology;

  beforeAll(async () => {
    topology = await startTopology(name);
  });
  afterAll(() => topology.stop());

  async function setup(): Promise<ContractSetup> {
    const clock = new SystemClock();
    const namespace = freshNamespace();
    const tier = new RedisTier({ ...topology.l2, budget: 1_000 }, { namespace, clock });
    await tier.open(DEAF);
    const vault = how === 'encrypted' ? await openVault(namespace, tier.keys, clock) : undefined;
    const cleanup = async (): Promise<void> => {
      vault?.close();
      await tier.close();
    };
    return { tier, clock, namespace, rules: rulesWith(vault), cleanup };
  }

  it.each(tierContract(setup))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
