/** The suite every tier must pass, for any test framework: what the tier port promises, case by case. */
import {
  Bench,
  type Check,
  type ContractCase,
  type ContractOptions,
  type ContractSetup,
} from './contract-bench.js';
import { FENCE_CHECKS } from './contract-fences.js';
import { GUARD_CHECKS } from './contract-guards.js';
import { LIFE_CHECKS, STALE_CHECKS } from './contract-life.js';
import { VALUE_CHECKS } from './contract-values.js';

export type { ContractCase, ContractOptions, ContractSetup } from './contract-bench.js';

/**
 * The cases for one kind of tier. Each makes a tier of its own and cleans up behind itself.
 *
 * @param make - an opened, empty tier
 *
 * @example
 * for (const { name, run } of tierContract(() => myTier())) it(name, run);
 */
export function tierContract(
  make: () => Promise<ContractSetup>,
  options: ContractOptions = {},
): readonly ContractCase[] {
  const stale = options.stale === false ? {} : STALE_CHECKS;
  const checks = { ...VALUE_CHECKS, ...LIFE_CHECKS, ...stale, ...FENCE_CHECKS, ...GUARD_CHECKS };
  const bind = (check: Check) => async (): Promise<void> => {
    const setup = await make();
    try {
      await check(new Bench(setup, options));
    } finally {
      await setup.cleanup();
    }
  };
  return Object.entries(checks).map(([name, check]) => ({ name, run: bind(check) }));
}
