/** What each tier is to reach, and what it has reached: the view of service levels in health. */
import { TARGET_MS } from '../../manager/snapshot.js';
import type { TierName } from '../../core/tier.js';
import type { TierStats } from '../../manager/stats.js';

/** Share of the reads that are to be answered. */
const AVAILABILITY: Readonly<Record<TierName, number>> = { l1: 0.9999, l2: 0.999, l3: 0.9995 };
/** Share of the answers that are to come in time. */
const IN_TIME = 0.99;

/** One tier against its objectives; what nothing is known of is left out. */
export interface Objective {
  /** Share of its reads since the start that it answered; a read that was not made because it is ill counts as one that was not. */
  readonly availability?: number;
  readonly availabilityTarget: number;
  /** Share of its answers, of a sample of the last minutes, that came within `targetMs`. */
  readonly inTime?: number;
  readonly inTimeTarget: number;
  readonly targetMs: number;
  /** Both, as far as known. */
  readonly met: boolean;
}

export function objectiveOf(
  tier: TierName,
  { errors, hits, misses, skipped, withinTarget }: TierStats,
): Objective {
  const asked = hits + misses;
  const availability = asked === 0 ? undefined : 1 - (errors + skipped) / asked;
  const availabilityTarget = AVAILABILITY[tier];
  return {
    ...(availability === undefined ? {} : { availability }),
    availabilityTarget,
    ...(withinTarget === undefined ? {} : { inTime: withinTarget }),
    inTimeTarget: IN_TIME,
    targetMs: TARGET_MS[tier],
    met: (availability ?? 1) >= availabilityTarget && (withinTarget ?? 1) >= IN_TIME,
  };
}
