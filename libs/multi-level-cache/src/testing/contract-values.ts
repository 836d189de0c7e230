/** Contract: what is read equals what was stored, in value, type, tags and life, under every valid key. */
import assert from 'node:assert/strict';
import { handOut } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { Bench, Check, Checks } from './contract-bench.js';

/** Every kind of value that may be cached; made anew for each use. */
export const VALUE_KINDS: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  scalars: () => ['', 'text', 'ünïcödé 🔑 \u2028', 0, -1.5, 2 ** 53, true, false],
  'NaN, infinities and -0': () => [NaN, Infinity, -Infinity, -0, { zero: -0 }],
  'bare -0': () => -0,
  'bare NaN': () => NaN,
  'bare bigint': () => 2n ** 70n,
  'plain objects and arrays': () => ({ a: { b: [1, [null, { c: [] }], {}] }, d: null }),
  'undefined members': () => ({ a: undefined, b: [undefined, 1], c: null }),
  'objects that look like marks': () => ({ $: 'Date', v: 0, inner: { $: 'undefined' }, $$: 1 }),
  bigints: () => ({ small: -1n, large: 2n ** 64n, list: [0n] }),
  dates: () => [new Date(0), new Date(-1), new Date(8.64e15)],
  maps: () =>
    new Map<unknown, unknown>([
      ['text', new Date(1)],
      [1, new Map([[2n, null]])],
      [{ key: 1 }, undefined],
    ]),
  sets: () => new Set<unknown>([1, '1', null, undefined, NaN, new Set([[1]])]),
  buffers: () => ({ empty: Buffer.alloc(0), bytes: Buffer.from([0, 255, 128, 10]) }),
  'binary views': () => [
    new Int8Array([-1, 1]),
    new Uint8Array(new Uint8Array([9, 8, 7, 6]).buffer, 1, 2),
    new Uint8ClampedArray([255]),
    new Int16Array([-300]),
    new Uint16Array([65535]),
    new Int32Array([-70000]),
    new Uint32Array([2 ** 32 - 1]),
    new Float32Array([1.5, -0, NaN]),
    new Float64Array([Math.PI]),
    new BigInt64Array([-5n]),
    new BigUint64Array([2n ** 64n - 1n]),
    new DataView(new Uint8Array([1, 2, 3]).buffer),
    new Uint8Array([1, 2, 3]).buffer,
  ],
};

/** Valid keys that a careless store would mix up, cut or interpret. */
const ODD_KEYS: readonly string[] = [
  ':,::,a:b,a%3ab,%,%3a,{},{a},*,?,[a],\\,$1,${x},\',",~,a,A,0,null,__proto__,constructor'.split(
    ',',
  ),
  [' ', ' a ', 'a\u00a0b', 'é', 'e\u0301', 'ключ', '鍵', '🔑', '\u202e', '\uffff'],
  ['x'.repeat(1024), `${'x'.repeat(1023)}y`, 'é'.repeat(512), ':'.repeat(1024)],
].flat();
export const ODD_TENANTS: readonly string[] = [
  'p',
  't:p',
  't:',
  't:a',
  't:a:b',
  't:{a}',
  't:%61',
  't:é',
];

function keeps(make: () => unknown): Check {
  return async (bench) => {
    const filled = bench.at('filled');
    const set = bench.at('set');
    await bench.fill(filled, make());
    await bench.apply({ kind: 'set', addresses: [set], entries: [bench.entry(make())] });
    await bench.assertFresh(filled, make());
    await bench.assertFresh(set, make());
  };
}

async function eachItsOwn(bench: Bench, addresses: readonly Address[]): Promise<void> {
  await Promise.all(addresses.map((address, index) => bench.fill(address, index)));
  for (const [index, address] of addresses.entries()) await bench.assertFresh(address, index);
  await bench.delete(addresses[0]);
  await bench.assertNotFresh(addresses[0]);
  for (const [index, address] of addresses.entries()) {
    if (index > 0) await bench.assertFresh(address, index);
  }
}

function spoil(value: unknown): void {
  if (Array.isArray(value)) {
    for (const member of value) spoil(member);
    try {
      value.push(4);
    } catch (error) {
      // A shared value is frozen: that it cannot be spoilt is the point.
      assert.ok(error instanceof TypeError);
    }
  }
  if (value instanceof Map) value.set('b', 2);
  if (value instanceof Date) value.setTime(5);
  if (Buffer.isBuffer(value)) value.fill(0);
}

function safeFromReaders(make: () => unknown): Check {
  return async (bench) => {
    const address = bench.at('key');
    const given = make();
    const entry = bench.entry(given);
    await bench.apply({ kind: 'set', addresses: [address], entries: [entry] });
    spoil(given);
    for (let reader = 0; reader < 3; reader++) {
      spoil(handOut(await bench.assertFresh(address, make())));
    }
  };
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  const off = Math.abs(actual - expected);
  assert.ok(off <= tolerance, `${what} is off by ${off} ms`);
}

export const VALUE_CHECKS: Checks = {
  'finds nothing in the beginning': async (bench) => {
    assert.deepEqual(await bench.read(bench.at('key')).then(({ state }) => state), 'absent');
  },

  'reads what was filled, with its tags and times': async (bench) => {
    const address = bench.at('key');
    const tags = ['red', 'grün', '{a}:b'];
    const stored = await bench.fill(address, { a: 1 }, { ttl: 30_000, grace: 90_000, tags });
    const found = await bench.assertFresh(address, { a: 1 });
    assert.deepEqual([...found.tags], tags);
    for (const time of ['createdAt', 'freshUntil', 'staleUntil', 'loadMs'] as const) {
      near(found[time], stored[time], bench.toleranceMs, time);
    }
  },

  'reads a set that is the first thing its tenant does': async (bench) => {
    const address = bench.at('key', 'items', 't:new');
    await bench.apply({ kind: 'set', addresses: [address], entries: [bench.entry('value')] });
    await bench.assertFresh(address, 'value');
  },

  'replaces a value by a set': async (bench) => {
    const address = bench.at('key');
    await bench.fill(address, 'old', { tags: ['red'] });
    const entry = bench.entry('new', { tags: ['blue'] });
    await bench.apply({ kind: 'set', addresses: [address], entries: [entry] });
    assert.deepEqual([...(await bench.assertFresh(address, 'new')).tags], ['blue']);
    await bench.bump('p', 'red');
    await bench.assertFresh(address, 'new');
  },

  'keeps odd keys apart': (bench) =>
    eachItsOwn(
      bench,
      ODD_KEYS.map((key) => bench.at(key)),
    ),
  'keeps tenants and caches apart': (bench) =>
    eachItsOwn(
      bench,
      ODD_TENANTS.flatMap((tenant) =>
        ['a', 'b', 'a.b'].map((cache) => bench.at('a', cache, tenant)),
      ),
    ),

  'protects a plain value from its readers and its giver': safeFromReaders(() => [1, [2, [3]]]),
  'protects a rich value from its readers and its giver': safeFromReaders(() => [
    [1],
    new Map([['a', 1]]),
    new Date(1),
    Buffer.from('ab'),
  ]),

  // Node's deep equality calls no two invalid dates equal.
  'keeps an invalid date': async (bench) => {
    const address = bench.at('key');
    await bench.fill(address, new Date(NaN));
    const date = (await bench.read(address)).entry?.value;
    assert.ok(date instanceof Date && Number.isNaN(date.getTime()));
  },

  ...Object.fromEntries(
    Object.entries(VALUE_KINDS).map(([kind, make]) => [`keeps ${kind}`, keeps(make)] as const),
  ),
};
