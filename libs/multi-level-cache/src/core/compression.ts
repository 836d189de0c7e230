/** Payloads made smaller where that pays: what comes back is bounded, and rubbish is an error of its reader, not a bomb. */
import * as zlib from 'node:zlib';
import { isParsable } from './json-limits.js';

/** How a payload is packed; part of the envelope's flags. */
export const PACKING = { none: 0, brotli: 1, zstd: 2 } as const;
export type Packing = (typeof PACKING)[keyof typeof PACKING];

/** Smaller payloads gain too little. */
export const COMPRESS_FROM = 4_096;
/** What is not smaller by this share is kept as it is: unpacking it would cost every reader. */
const WORTH_IT = 0.85;
/** Nothing this library packs is larger than this. */
const MAX_RAW_BYTES = 16 * 1024 ** 2;
/** 8,211 bytes can unpack to 256 MB: beyond what may lie in a store unpacked, this much for each byte and no more. */
const MAX_RATIO = 200;
const ALWAYS_ALLOWED_BYTES = 1024 ** 2;
const LENGTH_BYTES = 4;
/** 2^24 = MAX_RAW_BYTES: nothing packed here needs to look back further. */
const WINDOW_LOG = 24;

/** Not in every Node that is supported. */
const { zstdCompressSync, zstdDecompressSync } = zlib as Partial<typeof zlib>;
const BROTLI = {
  params: {
    [zlib.constants.BROTLI_PARAM_QUALITY]: 1,
    [zlib.constants.BROTLI_PARAM_MODE]: zlib.constants.BROTLI_MODE_TEXT,
  },
};

/** Whether so few bytes may stand for so many. */
function mayUnpackTo(raw: number, packed: number): boolean {
  return raw <= Math.min(Math.max(packed * MAX_RATIO, ALWAYS_ALLOWED_BYTES), MAX_RAW_BYTES);
}

/**
 * The payload, packed behind its own length if it has at least `from` bytes and gets smaller by a sixth. What no reader would
 * unpack or parse stays as it is, which is too large for a store.
 */
export function pack(bytes: Buffer, from: number): { packing: Packing; bytes: Buffer } {
  const untouched = { packing: PACKING.none, bytes };
  if (bytes.length < from || bytes.length > MAX_RAW_BYTES || !isParsable(bytes)) return untouched;
  const packing = zstdCompressSync ? PACKING.zstd : PACKING.brotli;
  const packed = zstdCompressSync
    ? zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } })
    : zlib.brotliCompressSync(bytes, BROTLI);
  if (packed.length + LENGTH_BYTES > bytes.length * WORTH_IT) return untouched;
  if (!mayUnpackTo(bytes.length, packed.length)) return untouched;
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(bytes.length);
  return { packing, bytes: Buffer.concat([length, packed]) };
}

/**
 * The payload again.
 *
 * @throws RangeError, or the codec's own error, on bytes that do not unpack to exactly what they promise, and where this
 * Node does not know the packing; readers count that as a corrupt entry.
 */
export function unpack(packing: Packing, bytes: Buffer): Buffer {
  if (packing === PACKING.none) return bytes;
  const length = bytes.readUInt32BE(0);
  const packed = bytes.subarray(LENGTH_BYTES);
  // Before any memory is taken for it.
  if (!mayUnpackTo(length, packed.length)) throw new RangeError('promises too much');
  const raw = decompress(packing, packed, { maxOutputLength: Math.max(length, 1) });
  if (raw.length !== length) throw new RangeError('not the length it promises');
  return raw;
}

function decompress(
  packing: Packing,
  packed: Buffer,
  limit: { readonly maxOutputLength: number },
): Buffer {
  if (packing === PACKING.brotli) return zlib.brotliDecompressSync(packed, limit);
  if (!zstdDecompressSync) throw new RangeError('an unknown packing');
  // A frame may ask for a window of 128 MB before it holds a single byte.
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: WINDOW_LOG };
  return zstdDecompressSync(packed, { ...limit, params });
}
