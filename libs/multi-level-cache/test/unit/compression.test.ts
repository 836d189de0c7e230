/** Packed payloads: what comes back, what is not worth it, and what is a bomb. */
import { brotliCompressSync, constants } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, PACKING, unpack } from '../../src/core/compression.js';
import { open, seal } from '../../src/core/envelope.js';
import { inspect } from '../../src/core/value.js';

const FINGERPRINT = { high: 0x31323334, low: 0xf5363738 };
const HEADER = { createdAt: 0, ttl: 1, grace: 0, loadMs: 0, n0: 0, epoch: 0, tags: [] };
const rows = Array.from({ length: 700 }, (_zero, id) => ({
  id,
  name: `product number ${id}`,
  brand: ['acme', 'globex', 'initech'][id % 3],
  price: (id * 37) % 1_000,
}));

describe('packing', () => {
  it('gives back what went in', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), fc.nat(3_000), (text, from) => {
        const bytes = Buffer.from(text.repeat(5));
        const packed = pack(bytes, from);
        expect(unpack(packed.packing, packed.bytes)).toEqual(bytes);
      }),
    );
  });

  it('takes a 64 KB value to less than half its bytes', () => {
    const text = JSON.stringify(rows).padEnd(65_536);
    const value = JSON.parse(text) as typeof rows;
    const bytes = seal(value, inspect(value), HEADER, FINGERPRINT);
    expect(bytes.length).toBeLessThan(JSON.stringify(rows).length / 2);
    expect(open(bytes, FINGERPRINT)?.value).toEqual(rows);
  });

  it('leaves alone what is small or does not shrink', () => {
    expect(pack(Buffer.alloc(4_095, 'a'), 4_096).packing).toBe(PACKING.none);
    const noise = Buffer.from(Array.from({ length: 5_000 }, (_zero, n) => (n * n * 7_919) % 251));
    const random = Buffer.concat(
      Array.from({ length: 100 }, (_zero, n) =>
        Buffer.from(`${Math.sin(n)}${Math.cos(n * n)}`, 'latin1'),
      ),
    );
    for (const bytes of [noise, random]) {
      const packed = pack(bytes, 1_024);
      expect(packed.bytes.length).toBeLessThanOrEqual(bytes.length);
    }
  });
});

describe('what no reader would take', () => {
  const MIB = 1024 ** 2;
  it.each([
    ['more than 200 for one', Buffer.alloc(8 * MIB, '0')],
    ['more values than may be', Buffer.from(`[${'7,'.repeat(600_000)}7]`)],
    ['above all bounds', Buffer.alloc(17 * MIB, 'ab')],
  ])('is not packed: %s', (_what, bytes) => {
    const packed = pack(bytes, 4_096);
    expect(packed.packing).toBe(PACKING.none);
    expect(packed.bytes === bytes).toBe(true);
  });

  it('up to 1 MiB may stand behind any number of bytes: so much may lie there unpacked', () => {
    const bytes = Buffer.alloc(MIB, '0');
    const packed = pack(bytes, 4_096);
    expect(packed.bytes.length).toBeLessThan(2_000);
    expect(unpack(packed.packing, packed.bytes).equals(bytes)).toBe(true);
  });
});

describe('rubbish', () => {
  const packed = (raw: Buffer, promised = raw.length): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(promised);
    return Buffer.concat([
      length,
      brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ]);
  };

  it.each([
    ['a bomb', packed(Buffer.alloc(50_000_000), 1_000)],
    ['one that promises too much', packed(Buffer.alloc(10), 2 ** 31)],
    ['one that keeps less than it promises', packed(Buffer.alloc(10), 11)],
    ['no packing at all', Buffer.from('nonsense that is long enough')],
    ['nothing', Buffer.alloc(0)],
  ])('%s is an error, in bounded memory', (_what, bytes) => {
    const before = process.memoryUsage().rss;
    expect(() => unpack(PACKING.brotli, bytes)).toThrow();
    expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1024 ** 2);
  });

  it('in an envelope is a corrupt entry, and no exception', () => {
    const bytes = seal(rows, inspect(rows), HEADER, FINGERPRINT);
    for (const at of [60, 80, bytes.length - 1]) {
      const broken = Buffer.from(bytes);
      broken[at] ^= 0xff;
      const opened = open(broken, FINGERPRINT);
      if (opened) expect(opened.value).not.toBeUndefined();
    }
    for (let length = 56; length < bytes.length; length += 97)
      expect(open(bytes.subarray(0, length), FINGERPRINT)).toBeUndefined();
  });
});
