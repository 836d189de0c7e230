/** Door of `nestjs-multi-level-cache/testing`: a clock that stands still, a tier that fails on command, and the suite every tier must pass. */
export { FakeClock } from './fake-clock.js';
export {
  faultyTier,
  type FaultyCalls,
  type FaultyTier,
  type FaultyTierOptions,
} from './faulty-tier.js';
export type { FaultOptions } from './faults.js';
export { tierContract } from './tier-contract.js';
export type { ContractCase, ContractOptions, ContractSetup } from './tier-contract.js';
