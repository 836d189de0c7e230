/** Door of `nestjs-multi-level-cache/testing`: a clock that stands still, and the suite every tier must pass. */
export { FakeClock } from './fake-clock.js';
export { tierContract } from './tier-contract.js';
export type { ContractCase, ContractOptions, ContractSetup } from './tier-contract.js';
