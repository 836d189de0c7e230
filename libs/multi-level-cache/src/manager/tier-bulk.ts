/** One read of many keys in one call of their own: one wait, and one verdict on the store. */
import type { Address } from '../core/key.js';
import type { TierRead } from '../core/tier.js';
import type { TierPart } from './tier-part.js';
import type { Reads } from './tier-reading.js';

/** What may be used of the answer that `part` gives about its keys, in their order; late or away, none of it. */
export async function readBulk(
  reads: Reads,
  part: TierPart,
  addresses: readonly Address[],
  answer: Promise<readonly TierRead[]>,
): Promise<readonly (TierRead | undefined)[]> {
  const { paid } = reads.changes;
  const call = part.reads.begin()!;
  const tell = reads.timed.begin('get');
  const began = part.waits();
  let found: readonly TierRead[];
  try {
    found = await part.deadline.race(answer);
  } catch (error) {
    tell?.({ error });
    reads.errors += addresses.length;
    reads.misses += addresses.length;
    part.failed(part.reads, call, addresses[0], error);
    return addresses.map(() => undefined);
  }
  part.reads.ended(call);
  tell?.();
  if (began !== 0) part.waited(began);
  // As for one key: what was owed may have been paid behind the answer.
  const known = reads.changes.paid === paid;
  return found.map((each, at) => {
    const address = addresses[at];
    if (each.corrupt) reads.options.onCorrupt?.(address);
    const read = known ? reads.accept(each, address, undefined) : undefined;
    if (read?.state === 'fresh') reads.hits++;
    else reads.misses++;
    return read;
  });
}
