// Envelopes as somebody might put them into a store: damaged, cut, swapped, from the future, or made to hurt.
import { brotliCompressSync, constants, zstdCompressSync } from 'node:zlib';

/** Where the envelope says how it is written, how many tags it has, and where its payload begins if it has none. */
export const [VERSION_AT, FLAGS_AT, KEY_ID_AT, TAGS_AT, PAYLOAD_AT] = [1, 2, 3, 54, 55];
const PACKED = { brotli: 1 << 3, zstd: 2 << 3 };
const MARKED = 1;
const MIB = 1024 ** 2;

function changed(bytes, change) {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** The head of an envelope of this key, without tags and extras, and a payload of another's. */
export function withPayload(honest, flags, payload) {
  const head = changed(honest.subarray(0, PAYLOAD_AT), (copy) => {
    copy[FLAGS_AT] = flags;
    copy[TAGS_AT] = 0;
  });
  return Buffer.concat([head, Buffer.from(payload)]);
}

function promising(length, packed) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, packed]);
}

function brotli(text) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 1 };
  return brotliCompressSync(text, { params });
}

/** A payload that promises what it holds. */
function honestly(text) {
  return promising(text.length, brotli(text));
}

/** Made once: they take longer to make than to refuse. */
const zeros = brotli(Buffer.alloc(64 * MIB, '0'));
const zeroFrame = zstdCompressSync?.(Buffer.alloc(64 * MIB, '0'));
const nested = honestly('['.repeat(450_000) + ']'.repeat(450_000));
const crowd = honestly(`[${'{},'.repeat(320_000)}0]`);
const large = honestly(`"${'0'.repeat(8 * MIB)}"`);
const digits = honestly(JSON.stringify({ $: 'bigint', v: '9'.repeat(900_000) }));

/** What no reader may take, whatever the value was: each makes hostile bytes of honest ones. */
export const REFUSED = {
  'nothing at all': () => Buffer.alloc(0),
  noise: (bytes, random) =>
    changed(bytes, (copy) => {
      for (let at = 0; at < copy.length; at++) copy[at] = random() * 256;
      copy[0] = 0x7b;
    }),
  'cut off': (bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
  'of a future version': (bytes, random) =>
    changed(bytes, (copy) => (copy[VERSION_AT] = 2 + Math.floor(random() * 254))),
  'of an unknown codec': (bytes) => changed(bytes, (copy) => (copy[FLAGS_AT] |= 3)),
  'of an unknown packing': (bytes) => changed(bytes, (copy) => (copy[FLAGS_AT] |= 3 << 3)),
  'with flags from the future': (bytes, random) =>
    changed(bytes, (copy) => (copy[FLAGS_AT] |= 1 << (5 + Math.floor(random() * 3)))),
  'under an unknown encryption': (bytes, random) =>
    changed(bytes, (copy) => (copy[KEY_ID_AT] = 1 + Math.floor(random() * 255))),
  'of another key': (bytes, random) =>
    changed(
      bytes,
      (copy) => (copy[26 + Math.floor(random() * 8)] ^= 1 << Math.floor(random() * 8)),
    ),
  'with too many tags': (bytes, random) =>
    changed(bytes, (copy) => (copy[TAGS_AT] = 17 + Math.floor(random() * 239))),
  'with tags, each a tag, and too many': (bytes) => {
    const tags = Buffer.from('\u0000\u0001t'.repeat(40));
    const head = changed(withPayload(bytes, 0, ''), (copy) => (copy[TAGS_AT] = 40));
    return Buffer.concat([head, tags, Buffer.from('1')]);
  },
  'with a tag longer than any': (bytes) => {
    const tag = Buffer.alloc(2 + 3_000, 'x');
    tag.writeUInt16BE(3_000);
    const head = changed(withPayload(bytes, 0, ''), (copy) => (copy[TAGS_AT] = 1));
    return Buffer.concat([head, tag, Buffer.from('1')]);
  },
  'with an etag longer than any': (bytes) => {
    const extras = Buffer.alloc(14 + 2_000, 'x');
    extras.writeUInt16BE(2_000, 12);
    return withPayload(bytes, 1 << 2, Buffer.concat([extras, Buffer.from('1')]));
  },
  'larger than any': (bytes) => withPayload(bytes, 0, `"${'x'.repeat(MIB)}"`),
  'a bomb that promises little': (bytes, random) =>
    withPayload(bytes, PACKED.brotli, promising(Math.floor(random() * 4_096), zeros)),
  'a bomb that promises what may be': (bytes) =>
    withPayload(bytes, PACKED.brotli, promising(16 * MIB, zeros)),
  'a bomb that promises everything': (bytes) =>
    withPayload(bytes, PACKED.brotli, promising(2 ** 32 - 1, zeros)),
  'more than a few bytes may stand for': (bytes) => withPayload(bytes, PACKED.brotli, large),
  'another bomb': (bytes) =>
    withPayload(bytes, PACKED.zstd, promising(16 * MIB, zeroFrame ?? zeros)),
  'a payload that is not packed': (bytes, random) =>
    withPayload(
      bytes,
      PACKED.brotli,
      changed(Buffer.alloc(64), (copy) => {
        for (let at = 0; at < copy.length; at++) copy[at] = 128 + random() * 128;
      }),
    ),
  'nested without end': (bytes) => withPayload(bytes, 0, '['.repeat(5_000) + ']'.repeat(5_000)),
  'nested without end, packed': (bytes) => withPayload(bytes, PACKED.brotli, nested),
  'a crowd of values, packed': (bytes) => withPayload(bytes, PACKED.brotli, crowd),
  'a number without end': (bytes) => withPayload(bytes, PACKED.brotli | MARKED, digits),
  __proto__: (bytes) => withPayload(bytes, 0, '{"a":[{"__proto__":{"admin":true}}]}'),
  'an escaped __proto__': (bytes) => withPayload(bytes, 0, '{"\\u005f_proto__":{"admin":true}}'),
  'a marked __proto__': (bytes) =>
    withPayload(bytes, MARKED, '{"$":"object","v":[["__proto__",{"admin":true}]]}'),
  'constructor.prototype': (bytes) =>
    withPayload(bytes, 0, '{"constructor":{"prototype":{"admin":true}}}'),
  'a marked constructor.prototype': (bytes) =>
    withPayload(bytes, MARKED, '{"constructor":{"$":"object","v":[["prototype",{"admin":true}]]}}'),
  'a class of nobody': (bytes) => withPayload(bytes, MARKED, '{"$":"class","n":"Function","v":[]}'),
  'no JSON': (bytes) => withPayload(bytes, 0, '{"a":'),
};

/** What may come out as a value, and must not come out as an exception: some bytes are others. */
export function mutated(bytes, random) {
  return changed(bytes, (copy) => {
    const flips = 1 + Math.floor(random() * 4);
    for (let flip = 0; flip < flips; flip++) {
      const at = Math.floor(random() * copy.length);
      const kind = Math.floor(random() * 3);
      if (kind === 0) copy[at] = random() * 256;
      else if (kind === 1) copy[at] ^= 1 << Math.floor(random() * 8);
      else copy.copy(copy, at, Math.floor(random() * copy.length));
    }
  });
}
