/** What each tier knows of a key, without changing anything: for `explain`, `has` and `ttl`. */
import type { Entry } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { TierName, TierRead } from '../core/tier.js';
import type { Explanation, TierExplanation } from './cache-manager.js';
import type { Parts } from './parts.js';
import type { TierGuard } from './tier-guard.js';

/** Reads the tiers as a `get` would. */
export async function explain(parts: Parts, address: Address): Promise<Explanation> {
  const now = parts.clock.now();
  const tiers: Partial<Record<TierName, TierExplanation>> = {};
  if (parts.l1) tiers.l1 = memory(parts, address, now);
  const lower = await Promise.all([below(parts.l2, address, now), below(parts.l3, address, now)]);
  if (lower[0]) tiers.l2 = lower[0];
  if (lower[1]) tiers.l3 = lower[1];
  const answeredBy =
    (['l1', 'l2', 'l3'] as const).find((name) => tiers[name]?.state === 'fresh') ?? 'loader';
  return { key: address.key, answeredBy, tiers };
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

function memory(parts: Parts, address: Address, now: number): TierExplanation {
  const view = parts.l1?.inspect(address);
  if (!view) return { state: 'absent' };
  return {
    ...describe(view, view.entry, now),
    hits: view.hits,
    lastAccessMs: now - view.lastAccess,
  };
}

async function below(
  guard: TierGuard | null,
  address: Address,
  now: number,
): Promise<TierExplanation | undefined> {
  if (!guard) return undefined;
  const read = await guard.read(address, { count: false });
  return read ? describe(read, read.entry, now) : { state: 'unknown' };
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
    tags: entry.tags,
  };
}
