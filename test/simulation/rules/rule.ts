/** One rule of the protocol, and how to take it out. */
import type { Fault } from '../faults.js';
import type { Tiers } from '../setting.js';

export interface Rule {
  readonly name: string;
  /** Where it stands; a rule inside a Redis script is taken out of the simulated server, which mirrors it. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Under which it is caught soonest. */
  readonly faults: readonly Fault[];
  /** Seed to begin with, where the first ones are known to go right without it; 1 if left out. */
  readonly from?: number;
  /** Where it is of use; L1 and L2 if left out. */
  readonly tiers?: Tiers;
}

/** Rules inside Redis scripts and statements are taken out of the simulated servers, which mirror them. */
export const STORE = 'test/simulation/redis-store.ts';
export const DATABASE = 'test/simulation/database-store.ts';
export const ALL = 'l1+l2+l3';
