/** L3 under the contract of every tier, on a real PostgreSQL, directly and through a pooler that lends by transaction. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, freshNamespace, startPgBouncer } from '../../../../test/support/servers.js';
import { L3 } from '../../../../test/support/options.js';
import { openVault, rulesWith } from '../../../../test/support/vault.js';
import { SystemClock } from '../../src/core/clock.js';
import { tierContract, type ContractSetup } from '../../src/testing/tier-contract.js';
import { DatabaseTier } from '../../src/tiers/database/database-tier.js';

const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

describe.each([
  ['directly', false, false, false],
  ['unlogged', false, true, false],
  ['through PgBouncer', true, false, false],
  ['encrypted', false, false, true],
])('database tier, %s', (_how, poolerMode, unlogged, encrypted) => {
  let url: string;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    url = await freshDatabase();
    stop = () => Promise.resolve();
    if (!poolerMode) return;
    const pooler = await startPgBouncer(url);
    ({ url } = pooler);
    stop = () => pooler.stop();
  });
  afterAll(() => stop());

  async function setup(): Promise<ContractSetup> {
    const clock = new SystemClock();
    const namespace = freshNamespace();
    const options = { ...L3, url, poolSize: 2, budget: 1_000, poolerMode, unlogged };
    const tier = new DatabaseTier(options, { namespace, clock });
    await tier.open(DEAF);
    const vault = encrypted ? await openVault(namespace, tier.keys, clock) : undefined;
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
