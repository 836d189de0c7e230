/**
 * An entry as bytes, the same in Redis and in PostgreSQL.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | magic `0xC4` |
 * | 1 | 1 | version |
 * | 2 | 1 | flags: codec in bits 0–1, extras in bit 2, packing in bits 3–4, the rest 0 |
 * | 3 | 1 | key id of the encryption, 0 = plain |
 * | 4 | 6 | created, ms of the store's clock |
 * | 10 | 6 | ttl, ms |
 * | 16 | 6 | grace, ms |
 * | 22 | 4 | load time, ms |
 * | 26 | 8 | fingerprint of the key |
 * | 34 | 8 | id of this write |
 * | 42 | 8 | n0: lower bound of the store's counter when the value was read |
 * | 50 | 4 | ep: the epoch of that counter |
 * | 54 | 1 | number of tags, then each as length (2) and UTF-8 |
 * | … | | with extras: shorter lives in L1 and L2, ms (6 each, 2^48-1 = none), etag as length (2) and UTF-8 |
 * | … | | payload; packed: its raw length (4), then the packed bytes |
 *
 * Encrypted, everything behind the head is nonce (12), ciphertext and tag (16): see `security/vault/seal.ts`.
 *
 * Anything that does not fit this table is a corrupt entry: a counted miss, never an exception.
 */
import { randomFillSync } from 'node:crypto';
import { CODEC, decode, encode, type Codec } from './codec.js';
import { COMPRESS_FROM, pack, PACKING, unpack, type Packing } from './compression.js';
import type { Entry, TierCaps } from './entry.js';
import type { Address, Fingerprint } from './key.js';
import { inspect, NO_CLASSES, plainShape, type ClassMap, type Shape } from './value.js';

const MAGIC = 0xc4;
const VERSION = 1;
/** What is never encrypted: it is covered by the seal. */
export const HEADER = 55;
/** Where the key id of the encryption is. */
export const ENCRYPTION_OFFSET = 3;
const CODEC_MASK = 0b11;
const EXTRAS = 0b100;
const PACKING_SHIFT = 3;
/** Two lives of 6 bytes and the length of the etag. */
const EXTRAS_BYTES = 14;
export const MAX_ETAG_BYTES = 1_024;
/** Larger envelopes stay in memory: they would hold up every other command, and a row is read and written as a whole. */
export const MAX_ENVELOPE_BYTES = 1024 ** 2;
/** Where the id of a write starts, 0-based; the Redis scripts compare it. */
export const ID_OFFSET = 34;
export const ID_BYTES = 8;
const MAX_MS = 2 ** 48 - 1;
/** Tags of one entry: as many as a call may give, and of a user's entry each once more as that user's, and one for all of them. */
export const MAX_TAGS = 2 * 16 + 1;
/** As long as two texts and the marks between them may be. */
const MAX_TAG_BYTES = 2 * 1_024 + 2;

/** What an envelope says beside its value. */
export interface Header {
  readonly createdAt: number;
  readonly ttl: number;
  readonly grace: number;
  readonly loadMs: number;
  readonly n0: number;
  readonly epoch: number;
  readonly tags: readonly string[];
  readonly caps?: TierCaps | undefined;
  readonly etag?: string | undefined;
}

/** An opened envelope. */
export interface Opened extends Header {
  readonly value: unknown;
  readonly shape: Shape;
  /** A copy of the bytes, while they are kept to know them by. */
  kept: Buffer | undefined;
  /** What a tier has made of it while it is kept; the tier's own. */
  made: object | undefined;
}

/** Closes a value into bytes for the key with this fingerprint. */
export function seal(
  value: unknown,
  shape: Shape,
  header: Header,
  fingerprint: Fingerprint,
  classes = NO_CLASSES,
  /** Payloads of at least so many bytes are packed. */
  compressFrom = COMPRESS_FROM,
): Buffer {
  const { codec, text } = encode(value, shape, classes);
  const length = Buffer.byteLength(text);
  // What is not packed is written where it belongs.
  const packed = length < compressFrom ? undefined : pack(Buffer.from(text), compressFrom);
  const tags = header.tags.map((tag) => Buffer.from(tag));
  const extras = extrasOf(header);
  const size = tags.reduce((sum, tag) => sum + 2 + tag.length, HEADER) + extras.length;
  const out = Buffer.allocUnsafe(size + (packed?.bytes.length ?? length));
  out[0] = MAGIC;
  out[1] = VERSION;
  out[2] =
    codec | (extras.length > 0 ? EXTRAS : 0) | ((packed?.packing ?? PACKING.none) << PACKING_SHIFT);
  out[3] = 0;
  out.writeUIntBE(clampMs(header.createdAt), 4, 6);
  out.writeUIntBE(clampMs(header.ttl), 10, 6);
  out.writeUIntBE(clampMs(header.grace), 16, 6);
  out.writeUInt32BE(Math.min(Math.round(header.loadMs), 0xffff_ffff), 22);
  out.writeUInt32BE(fingerprint.high, 26);
  out.writeUInt32BE(fingerprint.low, 30);
  drawId(out);
  out.writeUInt32BE(Math.floor(header.n0 / 2 ** 32), 42);
  out.writeUInt32BE(header.n0 % 2 ** 32, 46);
  out.writeUInt32BE(header.epoch, 50);
  out[54] = tags.length;
  let at = HEADER;
  for (const tag of tags) {
    at = out.writeUInt16BE(tag.length, at);
    at += tag.copy(out, at);
  }
  at += extras.copy(out, at);
  if (packed) packed.bytes.copy(out, at);
  else out.write(text, at);
  return out;
}

/** Gives a plain envelope another life. */
export function relive(plain: Buffer, { ttl, grace }: Pick<Header, 'ttl' | 'grace'>): void {
  plain.writeUIntBE(clampMs(ttl), 10, 6);
  plain.writeUIntBE(clampMs(grace), 16, 6);
}

/** Ids drawn ahead: one by one, drawing costs as much as the rest of an envelope. */
const ids = Buffer.alloc(512 * ID_BYTES);
let drawn = ids.length;

/** Makes a plain envelope a write of its own. */
export function drawId(plain: Buffer): void {
  if (drawn === ids.length) {
    randomFillSync(ids);
    drawn = 0;
  }
  // Byte by byte: a copy of a part makes a view of it.
  for (let at = ID_OFFSET; at < ID_OFFSET + ID_BYTES; at++) plain[at] = ids[drawn++];
}

/** Whether an entry of this key makes more bytes than a lower tier takes; as dear as storing it. */
export function isTooLarge(
  { value, shape, loadMs, tags, caps, etag }: Entry,
  { fingerprint, scope }: Address,
): boolean {
  const header = { createdAt: 0, ttl: 0, grace: 0, n0: 0, epoch: 0, loadMs, tags, caps, etag };
  return seal(value, shape, header, fingerprint, scope.rules.types).length > MAX_ENVELOPE_BYTES;
}

/** Opens bytes, or `undefined` where they are corrupt, truncated, foreign or of a newer version. */
export function open(
  bytes: Buffer,
  { high, low }: Fingerprint,
  classes = NO_CLASSES,
): Opened | undefined {
  if (bytes.length < HEADER || bytes[0] !== MAGIC || bytes[1] !== VERSION || bytes[3] !== 0)
    return undefined;
  if (bytes.length > MAX_ENVELOPE_BYTES || bytes[54] > MAX_TAGS) return undefined;
  const flags = bytes[2];
  const codec = flags & CODEC_MASK;
  if (codec !== CODEC.json && codec !== CODEC.marked) return undefined;
  const packing = flags >> PACKING_SHIFT;
  if (packing > PACKING.zstd) return undefined;
  if (bytes.readUInt32BE(26) !== high || bytes.readUInt32BE(30) !== low) return undefined;
  try {
    return openBody(bytes, codec, packing as Packing, classes);
  } catch {
    // The decoder's complaint is about bytes nobody here wrote; the caller counts the entry as corrupt.
    return undefined;
  }
}

/** What a store can be asked for without the value. */
export interface Head extends Pick<Header, 'createdAt' | 'ttl' | 'grace' | 'n0' | 'epoch'> {
  readonly fingerprint: Fingerprint;
  /** Left out where they are encrypted, or go beyond the bytes that were read. */
  readonly tags?: readonly string[];
}

/** Reads the head of an envelope from its first bytes, the seal not looked at; `undefined` = they are not of one. */
export function headOf(bytes: Buffer): Head | undefined {
  if (bytes.length < HEADER || bytes[0] !== MAGIC || bytes[1] !== VERSION) return undefined;
  const tags = bytes[ENCRYPTION_OFFSET] === 0 ? tagsIn(bytes) : undefined;
  return {
    ...timesOf(bytes),
    fingerprint: { high: bytes.readUInt32BE(26), low: bytes.readUInt32BE(30) },
    ...(tags ? { tags: tags.tags } : {}),
  };
}

function timesOf(bytes: Buffer): Pick<Header, 'createdAt' | 'ttl' | 'grace' | 'n0' | 'epoch'> {
  return {
    createdAt: readMs(bytes, 4),
    ttl: readMs(bytes, 10),
    grace: readMs(bytes, 16),
    n0: n0Of(bytes),
    epoch: bytes.readUInt32BE(50),
  };
}

/** The tags behind the head, and where they end; `undefined` where the bytes do not hold them. */
function tagsIn(bytes: Buffer): { readonly tags: string[]; readonly end: number } | undefined {
  const tags: string[] = [];
  let at = HEADER;
  for (let left = bytes[54]; left > 0; left--) {
    if (at + 2 > bytes.length) return undefined;
    const length = bytes.readUInt16BE(at);
    at += 2;
    if (length > MAX_TAG_BYTES || at + length > bytes.length) return undefined;
    tags.push(bytes.toString('utf8', at, at + length));
    at += length;
  }
  return { tags, end: at };
}

function openBody(bytes: Buffer, codec: Codec, packing: Packing, classes: ClassMap): Opened {
  const told = tagsIn(bytes);
  if (!told) throw new RangeError('not a tag');
  const extras = (bytes[2] & EXTRAS) === 0 ? undefined : readExtras(bytes, told.end);
  const start = extras?.end ?? told.end;
  const value =
    packing === PACKING.none
      ? decode(codec, bytes, classes, start)
      : decode(codec, unpack(packing, bytes.subarray(start)), classes);
  // Every member named: spreading some of them in makes this several times as dear as the parsing.
  return {
    createdAt: readMs(bytes, 4),
    ttl: readMs(bytes, 10),
    grace: readMs(bytes, 16),
    n0: n0Of(bytes),
    epoch: bytes.readUInt32BE(50),
    loadMs: bytes.readUInt32BE(22),
    tags: told.tags,
    caps: extras?.caps,
    etag: extras?.etag,
    value,
    shape: codec === CODEC.json ? plainShape(value) : inspect(value, classes),
    kept: undefined,
    made: undefined,
  };
}

function readMs(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 2);
}

function n0Of(bytes: Buffer): number {
  return bytes.readUInt32BE(42) * 2 ** 32 + bytes.readUInt32BE(46);
}

function extrasOf({ caps, etag }: Header): Buffer {
  if (!caps && etag === undefined) return NOTHING;
  const text = Buffer.from(etag ?? '');
  const out = Buffer.allocUnsafe(EXTRAS_BYTES + text.length);
  out.writeUIntBE(clampMs(caps?.l1 ?? MAX_MS), 0, 6);
  out.writeUIntBE(clampMs(caps?.l2 ?? MAX_MS), 6, 6);
  out.writeUInt16BE(text.length, 12);
  text.copy(out, EXTRAS_BYTES);
  return out;
}

function readExtras(
  bytes: Buffer,
  at: number,
): { caps: TierCaps | undefined; etag: string | undefined; end: number } {
  const [l1, l2] = [bytes.readUIntBE(at, 6), bytes.readUIntBE(at + 6, 6)];
  const text = at + EXTRAS_BYTES;
  const length = bytes.readUInt16BE(at + 12);
  const end = text + length;
  if (length > MAX_ETAG_BYTES || end > bytes.length) throw new RangeError('not an etag');
  const cap = (ms: number): number | undefined => (ms === MAX_MS ? undefined : ms);
  return {
    caps: l1 === MAX_MS && l2 === MAX_MS ? undefined : { l1: cap(l1), l2: cap(l2) },
    etag: end === text ? undefined : bytes.toString('utf8', text, end),
    end,
  };
}

const NOTHING = Buffer.alloc(0);

function clampMs(ms: number): number {
  return Math.min(Math.max(Math.round(ms), 0), MAX_MS);
}
