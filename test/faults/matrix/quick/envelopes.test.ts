/** Bytes in Redis under a real key that are no entry of ours, or one that is made to hurt. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createBrotliCompress } from 'node:zlib';
import { expect } from 'vitest';
import { Address, Scope } from '../../../../libs/multi-level-cache/src/core/key.js';
import { testCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { freshNamespace, redisUrl } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf } from '../setting.js';

endAfterEach();

/** Where the envelope says how it is written, and where its value begins: it has no tags. */
const [VERSION, FLAGS, PAYLOAD] = [1, 2, 55];
const BROTLI = 1 << 3;
const MIB = 1024 ** 2;

function* mebibytes(count: number): Generator<Buffer> {
  const zeros = Buffer.alloc(MIB);
  for (let at = 0; at < count; at++) yield zeros;
}

/** 256 MiB in a few hundred bytes, made without so much memory. */
const bomb = await buffer(Readable.from(mebibytes(256)).pipe(createBrotliCompress()));

function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

function packed(bytes: Buffer, promised: number): Buffer {
  const head = changed(bytes.subarray(0, PAYLOAD), (copy) => (copy[FLAGS] |= BROTLI));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(promised);
  return Buffer.concat([head, length, bomb]);
}

/** What becomes of an honest entry. */
const DAMAGE: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'an empty text': () => Buffer.alloc(0),
  rubbish: (bytes) => randomBytes(bytes.length),
  'a payload of rubbish': (bytes) =>
    Buffer.concat([bytes.subarray(0, PAYLOAD), Buffer.alloc(40, 0xff)]),
  'cut off in its head': (bytes) => bytes.subarray(0, 30),
  'cut off in its value': (bytes) => bytes.subarray(0, bytes.length - 5),
  'of a future version': (bytes) => changed(bytes, (copy) => (copy[VERSION] = 9)),
  'of an unknown codec': (bytes) => changed(bytes, (copy) => (copy[FLAGS] = 3)),
  'of another key': (bytes) => changed(bytes, (copy) => (copy[26] ^= 1)),
  'more tags than bytes': (bytes) => changed(bytes, (copy) => (copy[54] = 255)),
  'a bomb that promises little': (bytes) => packed(bytes, 1_024),
  'a bomb that promises what is allowed': (bytes) => packed(bytes, 16 * MIB),
  'a bomb that promises everything': (bytes) => packed(bytes, 2 ** 32 - 1),
};

row(
  20,
  {
    fault: `entries in Redis are damaged in ${Object.keys(DAMAGE).length} ways, bombs among them`,
    expected: 'a miss that is counted; memory stays as it is, and the entry is replaced',
  },
  async (figures) => {
    const namespace = freshNamespace();
    const admin = adminOf({ url: redisUrl() });
    const { cache } = await testCache({ namespace, redis: redisUrl(), l1: false, budget: 500 });
    const load = new Load([cache]);
    await load.during(300);
    const scope = new Scope(namespace, 'p', 'default');
    const corrupt = (): number => cache.stats().tiers.l2.corrupt;
    const rounds = 10;
    let [served, uncounted, kept] = [0, 0, 0];
    const rss = process.memoryUsage.rss();
    let most = rss;
    for (let round = 0; round < rounds; round++)
      for (const [name, damage] of Object.entries(DAMAGE)) {
        const key = `${name}:${round}`.replaceAll(' ', '-');
        const { entryKey } = new Address(scope, key);
        await cache.getOrSet(key, () => ({ text: 'honest' }));
        await admin.set(entryKey, damage((await admin.getBuffer(entryKey))!), 'PX', 60_000);
        const before = corrupt();
        if ((await cache.get(key)) !== undefined) served++;
        if (corrupt() !== before + 1) uncounted++;
        most = Math.max(most, process.memoryUsage.rss());
        const value = await cache.getOrSet(key, () => ({ text: 'new' }));
        if (value.text !== 'new' || (await cache.get<{ text: string }>(key))?.text !== 'new')
          kept++;
      }
    const report = await load.stop();
    figures.count('damaged entries', rounds * Object.keys(DAMAGE).length);
    figures.count('served', served, 0);
    figures.count('not counted', uncounted, 0);
    figures.count('not replaced', kept, 0);
    // One bomb may unpack to what is allowed, and is let go then.
    figures.bytes('peak of memory above before', most - rss, 96 * MIB);
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
    expect(cache.stats().tiers.l2.state).toBe('up');
  },
);
