/** L3 under the contract of every tier, on a real PostgreSQL. */
import { beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, freshNamespace } from '../../../../test/support/servers.js';
import { SystemClock } from '../../src/core/clock.js';
import { tierContract, type ContractSetup } from '../../src/testing/tier-contract.js';
import { DatabaseTier } from '../../src/tiers/database/database-tier.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };
const PLACE = { poolSize: 2, schema: 'mlcache', table: 'entry', migrate: true };
let url: string;

async function setup(): Promise<ContractSetup> {
  const clock = new SystemClock();
  const namespace = freshNamespace();
  const tier = new DatabaseTier({ url, budget: 1_000, ...PLACE }, { namespace, clock });
  await tier.open(DEAF);
  return { tier, clock, namespace, cleanup: () => tier.close() };
}

describe('database tier', () => {
  beforeAll(async () => {
    url = await freshDatabase();
  });

  it.each(tierContract(setup))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
