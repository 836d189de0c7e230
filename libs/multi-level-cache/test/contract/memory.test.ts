/** L1 under the contract of every tier, with and without grace. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { tierContract, type ContractSetup } from '../../src/testing/tier-contract.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';

function setup(keepStale: boolean): Promise<ContractSetup> {
  const clock = new FakeClock();
  const tier = new MemoryTier({ maxEntries: 1_000, maxSize: 1024 ** 2, keepStale }, clock);
  return Promise.resolve({
    tier,
    clock,
    pass: (ms) => Promise.resolve(clock.advance(ms)),
    cleanup: () => tier.close(),
  });
}

describe.each([
  ['memory tier alone', true],
  ['memory tier above others', false],
])('%s', (_name, keepStale) => {
  const cases = tierContract(() => setup(keepStale), { stale: keepStale });

  it.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  it('runs the stale cases only where they apply', () => {
    expect(cases.some(({ name }) => name.includes('stale'))).toBe(keepStale);
  });
});
