/** Entries on their way to Redis and back: local times become the server's, and a life never gets longer on the way. */
import { capped, type Entry } from '../../core/entry.js';
import { MAX_ENVELOPE_BYTES, type Opened } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
import { sealFor } from '../../core/sealed.js';
import type { Session } from './session.js';

export interface Sealed {
  readonly bytes: Buffer;
  /** How long Redis has to keep it: fresh and grace. */
  readonly ms: number;
}

/** An envelope, or nothing, and the ms that belong to it. */
export type Body = readonly [bytes: Buffer, ms: number];

export const NOTHING = Buffer.alloc(0);
const LENGTH_BYTES = 4;
/** Of a whole number. */
const MOST_DIGITS = 16;

/** Many as one text, as CHANGE takes new entries. */
export function packed(bodies: readonly Body[]): Buffer {
  const head = 1 + MOST_DIGITS + LENGTH_BYTES;
  const out = Buffer.allocUnsafe(bodies.reduce((sum, [{ length }]) => sum + head + length, 0));
  let at = 0;
  for (const [bytes, ms] of bodies) {
    const digits = out.write(String(ms), at + 1, 'latin1');
    at = out.writeUInt8(digits, at) + digits;
    at = out.writeUInt32BE(bytes.length, at);
    at += bytes.copy(out, at);
  }
  return out.subarray(0, at);
}

/** Bytes of an entry; `undefined` where it has no life left, `'locked'` where there is no key to encrypt it. */
export function sealEntry(
  address: Address,
  entry: Entry,
  session: Session,
  n0: number,
  now: number,
  cap: number | undefined,
): Sealed | 'too-large' | 'locked' | undefined {
  const kept = capped(entry, now, cap, entry.caps?.l2);
  if (kept.freshUntil <= now) return undefined;
  const ms = Math.ceil(kept.staleUntil - now);
  const header = {
    createdAt: kept.createdAt + session.offset.least,
    ttl: Math.floor(kept.freshUntil - kept.createdAt),
    grace: Math.floor(kept.staleUntil - kept.freshUntil),
    loadMs: kept.loadMs,
    n0,
    epoch: session.epochNumber,
    tags: kept.tags,
    caps: kept.caps,
    etag: kept.etag,
  };
  const bytes = sealFor(address, kept, header);
  if (!bytes) return 'locked';
  return bytes.length > MAX_ENVELOPE_BYTES ? 'too-large' : { bytes, ms };
}

/** The entry in an opened envelope, in local time. */
export function entryOf(opened: Opened, session: Session): Entry {
  const { value, shape, tags, ttl, grace, loadMs, caps, etag } = opened;
  const createdAt = opened.createdAt - session.offset.most;
  const freshUntil = createdAt + ttl;
  const staleUntil = freshUntil + grace;
  return { value, shape, tags, loadMs, caps, etag, createdAt, freshUntil, staleUntil };
}
