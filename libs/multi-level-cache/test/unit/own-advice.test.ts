/** What is said of a configuration without asking a server; who hears of whom is told in the tests of the module. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Tier } from '../../src/core/tier.js';
import { ownAdvice } from '../../src/nest/own-advice.js';
import { DEFAULTS } from '../../../../test/support/options.js';

const MB = 1024 ** 2;
const L1 = { maxEntries: 1, maxSize: 64 * MB, keepStale: false };
const tier = (name: string): Tier => ({ name }) as Tier;

function codes(
  names: readonly string[],
  heapLimit = 4_096 * MB,
  l1: typeof L1 | false = L1,
): string[] {
  const options = { defaults: DEFAULTS, l1, l2: false, l3: false } as const;
  return ownAdvice(names.map(tier), options, heapLimit).map(
    ({ about, code }) => `${about} ${code}`,
  );
}

describe('a configuration', () => {
  it('that is right is given no advice', () => expect(codes(['l1', 'l2'])).toEqual([]));

  it('without a tier is told so', () => {
    expect(codes([])).toEqual(['cache nothing-cached']);
    expect(codes(['l2'])).toEqual([]);
  });

  it('whose memory is more than half of the heap is told so', () => {
    expect(codes(['l1', 'l2'], 127 * MB)).toEqual(['l1 l1-larger-than-heap']);
    expect(codes(['l1', 'l2'], 128 * MB)).toEqual([]);
    expect(codes(['l2'], MB)).toEqual([]);
    expect(codes(['l2'], MB, false)).toEqual([]);
  });

  it('looks at the heap of this process', () => {
    const options = { defaults: DEFAULTS, l2: false, l3: false } as const;
    const huge = { ...L1, maxSize: Number.MAX_SAFE_INTEGER };
    expect(ownAdvice([tier('l1'), tier('l2')], { ...options, l1: huge })).toHaveLength(1);
  });
});

it('each code has its line in the documentation, and no other has', () => {
  const read = (path: string): string =>
    readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
  const source = 'libs/multi-level-cache/src';
  const files = [
    'nest/own-advice',
    'nest/transport-advice',
    'tiers/redis/advice',
    'tiers/database/advice',
  ];
  const given = files.flatMap((file) =>
    [...read(`${source}/${file}.ts`).matchAll(/code: '([a-z0-9-]+)'/g)].map(([, code]) => code),
  );
  const told = [...read('docs/advice.md').matchAll(/^\| `([a-z0-9-]+)`/gm)].map(([, code]) => code);
  expect(told.toSorted()).toEqual(given.toSorted());
});
