/** One page of a tier's keys for an operator: bounded in time, and without what the tier is owed a change of. */
import type { Clock } from '../core/clock.js';
import { Deadline } from '../core/deadline.js';
import { invalid } from '../core/entry-options.js';
import { CacheError, isCacheError } from '../core/errors.js';
import type { EntriesPage, EntriesQuery } from '../core/inspection.js';
import { Address, NAME_PATTERN, textFault, type Scope } from '../core/key.js';
import type { ListQuery, Tier, TierName } from '../core/tier.js';
import type { TierGuard } from './tier-guard.js';
import { WARMING_CACHE } from './warm-shelf.js';

/** A tier that says nothing for so long is away. */
const LONGEST_MS = 1_000;
const TIERS: readonly TierName[] = ['l1', 'l2', 'l3'];
const MOST = 200;
const USUAL = 50;

/** A question that has been looked at. */
export interface Question extends ListQuery {
  readonly tier: TierName;
  readonly cache: string;
}

/** @throws CacheError `CACHE_OPTION_INVALID` */
export function questionOf(given: EntriesQuery): Question {
  const { cache, cursor, limit = USUAL, prefix = '', tier } = given;
  tierNamed(tier);
  cacheNamed(cache);
  if (cursor !== undefined && typeof cursor !== 'string')
    throw invalid('cursor', 'must be what a page gave as next');
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
    throw invalid('limit', `must be a whole number from 1 to ${MOST}`);
  const fault = prefix === '' ? undefined : textFault(prefix);
  if (fault) throw invalid('prefix', fault);
  return { tier, cache, prefix, cursor, limit };
}

/** @throws CacheError `CACHE_OPTION_INVALID` */
export function tierNamed(tier: unknown): asserts tier is TierName {
  if (!TIERS.includes(tier as TierName))
    throw invalid('tier', `must be one of ${TIERS.join(', ')}`);
}

/**
 * What the library keeps in a cache of its own is nobody's, and no policy is asked for it.
 *
 * @throws CacheError `CACHE_OPTION_INVALID`
 */
export function cacheNamed(cache: unknown): asserts cache is string {
  if (typeof cache !== 'string' || !NAME_PATTERN.test(cache) || cache === WARMING_CACHE)
    throw invalid('cache', 'is not the name of one');
}

/**
 * Asks the tier itself: an operator wants to know also what a breaker keeps requests from.
 *
 * @param guard - of a lower tier; what it owes a change is none of its entries
 */
export async function pageOf(
  tier: Tier | null,
  guard: TierGuard | null,
  scope: Scope,
  question: Question,
  clock: Clock,
): Promise<EntriesPage> {
  if (!tier) throw unavailable(`${question.tier} is off`);
  if (!tier.list) throw invalid('tier', `${tier.name} cannot be listed`);
  const { reason, state } = tier.status();
  if (state === 'down') throw unavailable(`${tier.name} is away: ${reason ?? 'no contact'}`);
  const page = await new Deadline(clock, LONGEST_MS, tier.name)
    .race(tier.list(scope, question))
    .catch((error: unknown) => {
      throw told(tier, error);
    });
  if (!guard) return page;
  const { changes } = guard;
  const entries = page.entries.filter(
    ({ hidden, key }) => hidden || !changes.covers(new Address(scope, key)),
  );
  return { ...page, entries };
}

/** Never more of a store's error than `stats()` would show. */
function told(tier: Tier, error: unknown): Error {
  if (isCacheError(error, 'CACHE_OPTION_INVALID')) return error;
  if (isCacheError(error, 'CACHE_TIER_UNAVAILABLE')) return error;
  if (isCacheError(error, 'CACHE_TIER_TIMEOUT'))
    return unavailable(`${tier.name} did not answer within ${LONGEST_MS} ms`);
  const { reason = 'failing' } = tier.troubleOf?.(error) ?? {};
  return unavailable(`${tier.name} is ${reason}`);
}

function unavailable(why: string): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', why);
}
