/**
 * An entry as bytes, the same in Redis and in PostgreSQL.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | magic `0xC4` |
 * | 1 | 1 | version |
 * | 2 | 1 | flags: codec in the low two bits, the rest 0 |
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
 * | … | | payload |
 *
 * Anything that does not fit this table is a corrupt entry: a counted miss, never an exception.
 */
import { randomFillSync } from 'node:crypto';
import { CODEC, decode, encode, type Codec } from './codec.js';
import { inspect, deepFreeze, type Shape } from './value.js';

const MAGIC = 0xc4;
const VERSION = 1;
const HEADER = 55;
const CODEC_MASK = 0b11;
/** Where the id of a write starts, 0-based; the Redis scripts compare it. */
export const ID_OFFSET = 34;
export const ID_BYTES = 8;
const MAX_MS = 2 ** 48 - 1;

/** What an envelope says beside its value. */
export interface Header {
  readonly createdAt: number;
  readonly ttl: number;
  readonly grace: number;
  readonly loadMs: number;
  readonly n0: number;
  readonly epoch: number;
  readonly tags: readonly string[];
}

/** An opened envelope. */
export interface Opened extends Header {
  readonly id: Buffer;
  readonly value: unknown;
  readonly shape: Shape;
}

/** Closes a value into bytes for the key with this fingerprint. */
export function seal(value: unknown, shape: Shape, header: Header, fingerprint: Buffer): Buffer {
  const { codec, bytes } = encode(value, shape);
  const tags = header.tags.map((tag) => Buffer.from(tag));
  const size = tags.reduce((sum, tag) => sum + 2 + tag.length, HEADER);
  const out = Buffer.allocUnsafe(size + bytes.length);
  out[0] = MAGIC;
  out[1] = VERSION;
  out[2] = codec;
  out[3] = 0;
  out.writeUIntBE(clampMs(header.createdAt), 4, 6);
  out.writeUIntBE(clampMs(header.ttl), 10, 6);
  out.writeUIntBE(clampMs(header.grace), 16, 6);
  out.writeUInt32BE(Math.min(Math.round(header.loadMs), 0xffff_ffff), 22);
  fingerprint.copy(out, 26);
  randomFillSync(out, ID_OFFSET, ID_BYTES);
  out.writeBigUInt64BE(BigInt(header.n0), 42);
  out.writeUInt32BE(header.epoch, 50);
  out[54] = tags.length;
  let at = HEADER;
  for (const tag of tags) {
    at = out.writeUInt16BE(tag.length, at);
    at += tag.copy(out, at);
  }
  bytes.copy(out, at);
  return out;
}

/** Opens bytes, or `undefined` where they are corrupt, truncated, foreign or of a newer version. */
export function open(bytes: Buffer, fingerprint: Buffer): Opened | undefined {
  if (bytes.length < HEADER || bytes[0] !== MAGIC || bytes[1] !== VERSION || bytes[3] !== 0)
    return undefined;
  const codec = bytes[2];
  if ((codec & ~CODEC_MASK) !== 0 || (codec !== CODEC.json && codec !== CODEC.marked))
    return undefined;
  if (bytes.compare(fingerprint, 0, 8, 26, 34) !== 0) return undefined;
  try {
    return openBody(bytes, codec);
  } catch {
    // The decoder's complaint is about bytes nobody here wrote; the caller counts the entry as corrupt.
    return undefined;
  }
}

function openBody(bytes: Buffer, codec: Codec): Opened {
  const tags: string[] = [];
  let at = HEADER;
  for (let left = bytes[54]; left > 0; left--) {
    const length = bytes.readUInt16BE(at);
    at += 2;
    if (at + length > bytes.length) throw new RangeError('truncated tags');
    tags.push(bytes.toString('utf8', at, at + length));
    at += length;
  }
  const value = decode(codec, bytes.subarray(at));
  const shape = inspect(value);
  return {
    createdAt: bytes.readUIntBE(4, 6),
    ttl: bytes.readUIntBE(10, 6),
    grace: bytes.readUIntBE(16, 6),
    loadMs: bytes.readUInt32BE(22),
    id: bytes.subarray(ID_OFFSET, ID_OFFSET + ID_BYTES),
    n0: Number(bytes.readBigUInt64BE(42)),
    epoch: bytes.readUInt32BE(50),
    tags,
    value: shape.copied ? value : deepFreeze(value),
    shape,
  };
}

function clampMs(ms: number): number {
  return Math.min(Math.max(Math.round(ms), 0), MAX_MS);
}
