/** What is laid down for a run by its seed before it begins: the tiers, how long values live, how much is asked of them. */
import { REMEMBERED_MS, type Fault } from './faults.js';
import { seeded } from '../support/random.mjs';

export const TIERS = ['l1+l2', 'l1+l3', 'l1+l2+l3'] as const;
export type Tiers = (typeof TIERS)[number];

export interface WorldOptions {
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** Left to the seed otherwise. */
  readonly tiers?: Tiers | undefined;
  /** Messages and debts are sealed. */
  readonly sealed?: boolean;
}

export interface Setting {
  readonly l2: boolean;
  readonly l3: boolean;
  readonly sealed: boolean;
  /** Also verbs and options that are seldom used; loaders that fail. */
  readonly rich: boolean;
  readonly ttl: number;
  readonly grace: number;
  readonly refreshAhead: number;
  /** Some loads take up to so long, to outlive the absence of a store, ms. */
  readonly slowest: number;
  /** How long what happens at first may have consequences that nobody remembers the cause of, ms. */
  readonly longest: number;
  /** Stores may lose what they have been told. */
  readonly losesData: boolean;
  /** Those that can happen to these tiers. */
  readonly faults: readonly Fault[];
}

/** Whose traces are in what was taken before them. */
const OUTLIVED: readonly Fault[] = ['pg-restart', 'pg-failover'];
const LOSSES: readonly Fault[] = [
  'flush',
  'old-snapshot',
  'older-snapshot',
  'failover',
  'evict',
  'pg-failover',
];
const LONG_MS = 3_600_000;
/** Short enough to end within a run. */
const SHORT_MS = 400;

export function settingOf({ seed, faults, tiers, sealed = false }: WorldOptions): Setting {
  const random = seeded(seed ^ 0x5e77_1e55);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const able = TIERS.filter((some) => faults.length === 0 || faults.some((one) => can(one, some)));
  const chosen = tiers ?? pick(able);
  const rich = random() < 0.5;
  const short = rich && random() < 0.3;
  const graceful = rich && random() < 0.7;
  return {
    l2: chosen.includes('l2'),
    l3: chosen.includes('l3'),
    sealed,
    rich,
    ttl: short ? SHORT_MS : LONG_MS,
    grace: graceful ? LONG_MS : 0,
    refreshAhead: short && random() < 0.7 ? 0.5 : 0,
    slowest: faults.some((one) => OUTLIVED.includes(one)) ? 2_500 : 0,
    longest: faults.includes('older-snapshot') && chosen.includes('l2') ? REMEMBERED_MS : 0,
    losesData: faults.some((one) => LOSSES.includes(one)),
    faults: faults.filter((one) => can(one, chosen)),
  };
}

/** Whether a fault has something to hit: those of PostgreSQL begin with its name. */
function can(fault: Fault, tiers: Tiers): boolean {
  if (
    fault === 'crash' ||
    fault === 'repeat' ||
    fault === 'apart' ||
    fault === 'slow' ||
    fault === 'orphan' ||
    fault === 'half-written' ||
    fault === 'clock-jump'
  )
    return true;
  if (fault === 'half-committed') return tiers.includes('l3');
  return tiers.includes(fault.startsWith('pg-') ? 'l3' : 'l2');
}
