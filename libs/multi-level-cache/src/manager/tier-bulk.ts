/** Many keys of one call: a call to each part of the tier that has some of them, with one wait and one verdict on the store. */
import type { Address } from '../core/key.js';
import type { Tier, TierRead } from '../core/tier.js';
import type { TierPart } from './tier-part.js';
import type { Reads } from './tier-reading.js';

/** Fewer keys of one call go out with what others ask. */
export const LEAST_KEYS = 32;

type Found = readonly (TierRead | undefined)[];

/** The guard whose reads they are. */
interface BulkReads extends Reads {
  readonly tier: Tier;
  readonly parts: { of(address: Address): TierPart };
  readonly changes: Reads['changes'] & { covers(address: Address): boolean };
}

/** @param each - asks for keys one by one, and counts those that may not be asked for */
export async function readInBulk(
  reads: BulkReads,
  addresses: readonly Address[],
  each: (addresses: readonly Address[]) => Promise<Found>,
): Promise<Found> {
  const found = new Array<TierRead | undefined>(addresses.length).fill(undefined);
  const places = new Map<TierPart | undefined, number[]>();
  addresses.forEach((address, at) => {
    const part = reads.parts.of(address);
    const group = part.answers && !reads.changes.covers(address) ? part : undefined;
    const known = places.get(group);
    if (known) known.push(at);
    else places.set(group, [at]);
  });
  await Promise.all(
    Array.from(places, async ([part, ats]) => {
      const some = ats.map((at) => addresses[at]);
      const answer = part && reads.tier.readMany?.(some);
      const those = await (answer ? readBulk(reads, part, some, answer) : each(some));
      ats.forEach((at, index) => (found[at] = those[index]));
    }),
  );
  return found;
}

/** What may be used of the answer that `part` gives about its keys, in their order; late or away, none of it. */
async function readBulk(
  reads: Reads,
  part: TierPart,
  addresses: readonly Address[],
  answer: Promise<readonly TierRead[]>,
): Promise<Found> {
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
