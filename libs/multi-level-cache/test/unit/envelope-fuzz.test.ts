/** Envelopes that nobody here wrote, by the thousand: refused without an exception, and memory stays as it is. FUZZ_CASES=n for more. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { mutated, REFUSED } from '../../../../test/support/hostile-bytes.mjs';
import { seeded } from '../../../../test/support/random.mjs';
import { open, seal } from '../../src/core/envelope.js';
import { inspect } from '../../src/core/value.js';

const CASES = Number(process.env['FUZZ_CASES'] ?? 12_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261);
const FINGERPRINT = { high: 0x31323334, low: 0xf5363738 };
const MIB = 1024 ** 2;
/** Most of what one reading may take for a moment: what is allowed to be unpacked, and what is made of it. */
const PEAK = 48 * MIB;
const READ = fileURLToPath(new URL('../../../../test/support/read-hostile.mjs', import.meta.url));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function heap(): Promise<number> {
  // Memory outside of the heap is given back between two turns.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const VALUES: readonly unknown[] = [
  { text: 'honest' },
  {
    rows: Array.from({ length: 200 }, (_zero, id) => ({
      id,
      name: `product ${id}`,
      tags: ['a', 'b'],
    })),
  },
  {
    when: new Date(1),
    big: 2n ** 70n,
    map: new Map([[1, new Set(['x'])]]),
    bytes: Buffer.from([0, 255]),
  },
  { $: 'Date', v: 0, deep: [[[[{ a: undefined }]]]] },
];
const ENVELOPES = VALUES.map((value, at) =>
  seal(
    value,
    inspect(value),
    {
      createdAt: 1,
      ttl: 60_000,
      grace: 1_000,
      loadMs: 2,
      n0: 3,
      epoch: 4,
      tags: ['red', 'green'].slice(0, at),
      ...(at % 2 ? { etag: 'W/"1"', caps: { l1: 5 } } : {}),
    },
    FINGERPRINT,
  ),
);

describe(`${CASES} envelopes from elsewhere (FUZZ_SEED=${SEED})`, () => {
  const random = seeded(SEED);
  const kinds = Object.entries(REFUSED);
  const honest = (): Buffer => ENVELOPES[Math.floor(random() * ENVELOPES.length)];

  it('what no reader may take is taken by none', async () => {
    const before = await heap();
    for (let at = 0; at < CASES / 2; at++) {
      const [kind, hostile] = kinds[at % kinds.length];
      const bytes = hostile(honest(), random);
      if (open(bytes, FINGERPRINT) !== undefined) expect.fail(`taken: ${kind}`);
    }
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect((await heap()) - before).toBeLessThan(8 * MIB);
  }, 120_000);

  // The most memory that a process ever held is known of a whole process only.
  it.each(kinds)('and takes little for a moment: %s', (_kind, hostile) => {
    const args = [READ, String(FINGERPRINT.high), String(FINGERPRINT.low)];
    const told = execFileSync(process.execPath, args, { input: hostile(honest(), random) });
    const { grown, taken } = JSON.parse(String(told)) as { grown: number; taken: boolean };
    expect(taken).toBe(false);
    expect(grown).toBeLessThan(PEAK);
  });

  it('what is damaged anywhere is refused, or a value that may be kept', async () => {
    const before = await heap();
    let refused = 0;
    for (let at = 0; at < CASES / 2; at++) {
      const opened = open(mutated(honest(), random), FINGERPRINT);
      if (!opened) refused++;
      // Without a key nobody can tell a changed letter: it is a value like any other, and no more than that.
      else inspect(opened.value);
    }
    expect(refused).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect((await heap()) - before).toBeLessThan(8 * MIB);
  }, 120_000);

  it('takes what is whole', () => {
    ENVELOPES.forEach((bytes, at) => expect(open(bytes, FINGERPRINT)?.value).toEqual(VALUES[at]));
  });
});
