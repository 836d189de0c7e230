/** Many keys of one call: a call to each part of the tier that has some of them, with one wait and one verdict on the store. */
import type { Address } from '../core/key.js';
import type { Tier, TierRead } from '../core/tier.js';
import type { TierPart } from './tier-part.js';
import type { Reads } from './tier-reading.js';

/** Fewer keys of one call go out with what others ask. */
export const LEAST_KEYS = 32;

/** What is known of a key at this place: nothing where the tier is away, or may not be asked for it. */
export type HeardOne = (at: number, read: TierRead | undefined) => void;

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
  heard: HeardOne,
  each: (addresses: readonly Address[], heard: HeardOne) => Promise<void>,
): Promise<void> {
  const places = new Map<TierPart | undefined, number[]>();
  addresses.forEach((address, at) => {
    const part = reads.parts.of(address);
    const group = part.answers && !reads.changes.covers(address) ? part : undefined;
    const known = places.get(group);
    if (known) known.push(at);
    else places.set(group, [at]);
  });
  await Promise.all(
    Array.from(places, ([part, ats]) => {
      const some = ats.map((at) => addresses[at]);
      const told: HeardOne = (index, read) => heard(ats[index], read);
      return (part && readBulk(reads, part, some, told)) ?? each(some, told);
    }),
  );
}

/** What may be used of what `part` says about its keys; late or away, nothing of the rest. `undefined` = it is busy with as many. */
function readBulk(
  reads: BulkReads,
  part: TierPart,
  addresses: readonly Address[],
  told: HeardOne,
): Promise<void> | undefined {
  const { paid } = reads.changes;
  let left = addresses.length;
  let isOver = false;
  const answer = reads.tier.readMany?.(addresses, (some, from) => {
    if (isOver) return;
    left -= some.length;
    // As for one key: what was owed may have been paid behind the answer.
    const known = reads.changes.paid === paid;
    for (let at = 0; at < some.length; at++) {
      const address = addresses[from + at];
      if (some[at].corrupt) reads.options.onCorrupt?.(address);
      const read = known ? reads.accept(some[at], address, undefined) : undefined;
      if (read?.state === 'fresh') reads.hits++;
      else reads.misses++;
      told(from + at, read);
    }
  });
  if (!answer) return undefined;
  return awaited(reads, part, addresses[0], answer).then((isAll) => {
    isOver = true;
    if (isAll) return;
    reads.errors += left;
    reads.misses += left;
  });
}

/** Whether all of it came in time; one verdict on the part. */
async function awaited(
  reads: Reads,
  part: TierPart,
  address: Address,
  answer: Promise<void>,
): Promise<boolean> {
  const call = part.reads.begin()!;
  const tell = reads.timed.begin('get');
  const began = part.waits();
  try {
    await part.deadline.race(answer);
  } catch (error) {
    tell?.({ error });
    part.failed(part.reads, call, address, error);
    return false;
  }
  part.reads.ended(call);
  tell?.();
  if (began !== 0) part.waited(began);
  return true;
}
