/** Entries on their way to Redis and back: local times become the server's, and a life never gets longer on the way. */
import { capped, type Entry } from '../../core/entry.js';
import { seal, type Opened } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
import type { Session } from './session.js';

/** Larger envelopes stay in memory: they would hold up every other command. */
const MAX_BYTES = 1024 ** 2;

export interface Sealed {
  readonly bytes: Buffer;
  /** How long Redis has to keep it: fresh and grace. */
  readonly ms: number;
}

/** Bytes of an entry; `undefined` where it is too large or has no life left. */
export function sealEntry(
  address: Address,
  entry: Entry,
  session: Session,
  n0: number,
  now: number,
  cap: number | undefined,
): Sealed | undefined {
  const kept = cap === undefined ? entry : capped(entry, now, cap);
  const ms = Math.floor(kept.staleUntil - now);
  if (ms <= 0) return undefined;
  const header = {
    createdAt: kept.createdAt + session.offset.least,
    ttl: Math.floor(kept.freshUntil - kept.createdAt),
    grace: Math.floor(kept.staleUntil - kept.freshUntil),
    loadMs: kept.loadMs,
    n0,
    epoch: session.epochNumber,
    tags: kept.tags,
  };
  const bytes = seal(kept.value, kept.shape, header, address.fingerprint);
  return bytes.length > MAX_BYTES ? undefined : { bytes, ms };
}

/** The entry in an opened envelope, in local time. */
export function entryOf(opened: Opened, session: Session): Entry {
  const { value, shape, tags, ttl, grace, loadMs } = opened;
  const createdAt = opened.createdAt - session.offset.most;
  const freshUntil = createdAt + ttl;
  return { value, shape, tags, loadMs, createdAt, freshUntil, staleUntil: freshUntil + grace };
}
