/** Payloads made smaller where that pays: what comes back is bounded, and rubbish is an error of its reader, not a bomb. */
import * as zlib from 'node:zlib';

/** How a payload is packed; part of the envelope's flags. */
export const PACKING = { none: 0, brotli: 1, zstd: 2 } as const;
export type Packing = (typeof PACKING)[keyof typeof PACKING];

/** Smaller payloads gain too little. */
export const COMPRESS_FROM = 4_096;
/** What is not smaller by this share is kept as it is: unpacking it would cost every reader. */
const WORTH_IT = 0.85;
/** 8,211 bytes can unpack to 256 MB; nothing this library packs is larger than this. */
const MAX_RAW_BYTES = 16 * 1024 ** 2;
const LENGTH_BYTES = 4;

/** Not in every Node that is supported. */
const { zstdCompressSync, zstdDecompressSync } = zlib as Partial<typeof zlib>;
const BROTLI = {
  params: {
    [zlib.constants.BROTLI_PARAM_QUALITY]: 1,
    [zlib.constants.BROTLI_PARAM_MODE]: zlib.constants.BROTLI_MODE_TEXT,
  },
};

/** The payload, packed behind its own length if it has at least `from` bytes and gets smaller by a sixth. */
export function pack(bytes: Buffer, from: number): { packing: Packing; bytes: Buffer } {
  if (bytes.length < from || bytes.length > MAX_RAW_BYTES) return { packing: PACKING.none, bytes };
  const packing = zstdCompressSync ? PACKING.zstd : PACKING.brotli;
  const packed = zstdCompressSync
    ? zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } })
    : zlib.brotliCompressSync(bytes, BROTLI);
  if (packed.length + LENGTH_BYTES > bytes.length * WORTH_IT)
    return { packing: PACKING.none, bytes };
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
  if (length > MAX_RAW_BYTES) throw new RangeError('promises too much');
  const packed = bytes.subarray(LENGTH_BYTES);
  const limit = { maxOutputLength: Math.max(length, 1) };
  const decompress = packing === PACKING.zstd ? zstdDecompressSync : zlib.brotliDecompressSync;
  if (!decompress) throw new RangeError('an unknown packing');
  const raw = decompress(packed, limit);
  if (raw.length !== length) throw new RangeError('not the length it promises');
  return raw;
}
