/** What each tier knows of a key, without changing anything: for `explain`, `has` and `ttl`. */
import type { Entry } from '../core/entry.js';
import { isTooLarge } from '../core/envelope.js';
import { isGiven, type Address } from '../core/key.js';
import type { TierName, TierRead } from '../core/tier.js';
import type { MemoryView } from '../tiers/memory/memory-tier.js';
import type { Explanation, TierExplanation } from './cache-manager.js';
import type { Parts } from './parts.js';
import type { TierGuard } from './tier-guard.js';

/** Reads the tiers as a `get` would. */
export async function explain(parts: Parts, address: Address): Promise<Explanation> {
  const now = parts.clock.now();
  const view = parts.l1?.inspect(address);
  const [second, third] = await Promise.all([look(parts.l2, address), look(parts.l3, address)]);
  const known = [view, second?.read, third?.read].find((read) => read?.state === 'fresh')?.entry;
  const tiers: Partial<Record<TierName, TierExplanation>> = {};
  if (parts.l1) tiers.l1 = memory(view, now);
  const missing = [second, third].some((lower) => isAbsent(lower));
  const large = known !== undefined && missing && isTooLarge(known, address);
  const keptOut = (tier: 'l2' | 'l3', lower: Look): Pick<TierExplanation, 'keptOut'> => {
    if (!known || !isAbsent(lower)) return {};
    const why = large ? 'too-large' : parts.placing.whyNotFilled(tier, address, known)?.reason;
    return why === undefined ? {} : { keptOut: why };
  };
  if (second) tiers.l2 = { ...below(second, now), ...keptOut('l2', second) };
  if (third) tiers.l3 = { ...below(third, now), ...keptOut('l3', third) };
  const answeredBy =
    (['l1', 'l2', 'l3'] as const).find((name) => tiers[name]?.state === 'fresh') ?? 'loader';
  const skip = parts.l3 ? parts.placing.whyNotRead(address.scope.cache) : undefined;
  return { key: address.key, answeredBy, tiers, ...(skip ? { l3NotAsked: skip.reason } : {}) };
}

/** Milliseconds until no tier holds it fresh any more; L1 alone says little, for its lives are capped. */
export async function timeLeft(parts: Parts, address: Address): Promise<number | undefined> {
  const now = parts.clock.now();
  const lower = await Promise.all(
    [parts.l2, parts.l3].map(async (guard) => guard?.read(address, { count: false })),
  );
  let left: number | undefined;
  for (const read of [parts.l1?.read(address), ...lower]) {
    if (read?.state === 'fresh' && read.entry)
      left = Math.max(left ?? 0, read.entry.freshUntil - now);
  }
  return left;
}

/** What a lower tier said; nothing = it was not asked, or did not answer. */
interface Look {
  readonly guard: TierGuard;
  readonly read: TierRead | undefined;
}

async function look(guard: TierGuard | null, address: Address): Promise<Look | undefined> {
  return guard ? { guard, read: await guard.read(address, { count: false }) } : undefined;
}

function memory(view: MemoryView | undefined, now: number): TierExplanation {
  if (!view) return { state: 'absent' };
  return {
    ...describe(view, view.entry, now),
    hits: view.hits,
    lastAccessMs: now - view.lastAccess,
  };
}

function below({ guard, read }: Look, now: number): TierExplanation {
  if (read) return describe(read, read.entry, now);
  const { reason } = guard.status();
  return { state: 'unknown', ...(reason === undefined ? {} : { skipped: reason }) };
}

/** It was asked, and has nothing that is fresh. */
function isAbsent(lower: Look | undefined): boolean {
  return lower?.read !== undefined && lower.read.state !== 'fresh';
}

function describe(
  read: Pick<TierRead, 'state' | 'bytes'>,
  entry: Entry | undefined,
  now: number,
): TierExplanation {
  if (!entry) return { state: read.state };
  return {
    state: read.state,
    ageMs: now - entry.createdAt,
    ttlMs: Math.max(entry.freshUntil - now, 0),
    graceMs: Math.max(entry.staleUntil - Math.max(entry.freshUntil, now), 0),
    ...(read.bytes === undefined ? {} : { bytes: read.bytes }),
    tags: entry.tags.filter(isGiven),
  };
}
