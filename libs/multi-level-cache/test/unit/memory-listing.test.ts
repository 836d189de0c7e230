/** Keys of L1 by pages: bounded in each step, and noticed by nobody. */
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import type { EntrySummary } from '../../src/core/inspection.js';
import { Address, Scope } from '../../src/core/key.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const scope = (tenant: string, cache = 'c'): Scope => new Scope('app', tenant, cache);

function bench(maxEntries = 200_000) {
  const clock = new FakeClock();
  const tier = new MemoryTier({ maxEntries, maxSize: 1024 ** 3, keepStale: true }, clock);
  const put = (of: Scope, key: string, ttl = 60_000): Promise<void> => {
    const entry = createEntry(key, { ttl, grace: 60_000, tags: [] }, clock.now(), 0, true);
    return tier.apply({ kind: 'set', addresses: [new Address(of, key)], entries: [entry] });
  };
  const page = (of: Scope, cursor?: string, limit = 50, prefix = '') =>
    tier.list(of, { prefix, cursor, limit });
  const all = async (of: Scope, limit = 50): Promise<EntrySummary[]> => {
    const found: EntrySummary[] = [];
    for (
      let cursor: string | undefined, first = true;
      first || cursor !== undefined;
      first = false
    ) {
      const { entries, next } = await page(of, cursor, limit);
      found.push(...entries);
      cursor = next;
    }
    return found;
  };
  return { clock, tier, put, page, all };
}

it('looks at a bounded number of rows between two turns of others, and lists each of 100,000 keys once', async () => {
  const { put, all } = bench();
  const [mine, theirs] = [scope('t:a'), scope('t:b')];
  for (let at = 0; at < 100_000; at++) await put(at % 2 === 0 ? mine : theirs, `k${at}`);
  const found = await all(mine, 200);
  expect(new Set(found.map(({ key }) => key)).size).toBe(50_000);
  expect(found).toHaveLength(50_000);
  expect(found.every(({ key }) => Number(key.slice(1)) % 2 === 0)).toBe(true);
  // Nothing begins so: the whole table is looked at, in steps.
  expect(await bench().page(mine, undefined, 50, 'z')).toEqual({ entries: [] });
}, 30_000);

it('gives others their turn while it looks at much of the table for nothing', async () => {
  const { clock, put, page } = bench();
  const mine = scope('t:a');
  for (let at = 0; at < 20_000; at++) await put(mine, `k${at}`);
  const turns = vi.spyOn(clock, 'turn');
  expect((await page(mine, undefined, 50, 'z')).entries).toEqual([]);
  expect(turns).toHaveBeenCalledTimes(Math.floor(20_000 / 4_096));
});

it('finds a small tenant among many rows of others in one page', async () => {
  const { put, page } = bench();
  for (let at = 0; at < 10_000; at++) await put(scope('t:many'), `k${at}`);
  await put(scope('t:few'), 'k');
  expect(await page(scope('t:few'))).toMatchObject({ entries: [{ key: 'k' }] });
  expect(await page(scope('t:none'))).toEqual({ entries: [] });
});

it('says what is fresh and what is stale', async () => {
  const { clock, tier, put, all } = bench();
  const mine = scope('p');
  await put(mine, 'long');
  await put(mine, 'short', 1_000);
  await put(mine, 'gone', 1_000);
  clock.advance(1_000);
  await tier.apply({ kind: 'delete', addresses: [new Address(mine, 'gone')] });
  expect(await all(mine)).toEqual([
    expect.objectContaining({ key: 'long', state: 'fresh', ttlMs: 59_000 }),
    expect.objectContaining({ key: 'short', state: 'stale', ttlMs: 0 }),
  ]);
  await tier.apply({ kind: 'tags', tenant: 'p', tags: [mine.clearTag] });
  expect(await all(mine)).toEqual([]);
});

it('changes neither order of eviction nor hits', async () => {
  const { tier, put, all } = bench(3);
  const mine = scope('p');
  for (const key of ['a', 'b', 'c']) await put(mine, key);
  for (let times = 0; times < 5; times++) await all(mine, 1);
  expect(tier.inspect(new Address(mine, 'a'))?.hits).toBe(0);
  await put(mine, 'd');
  expect((await all(mine)).map(({ key }) => key).sort()).toEqual(['b', 'c', 'd']);
  const told: string[] = [];
  Array.from(tier.takeHits((_scope, key) => told.push(key)));
  expect(told).toEqual([]);
});

it('lists what stays all the while exactly once, whatever comes and goes', async () => {
  const key = fc.constantFrom(...Array.from({ length: 30 }, (_none, at) => `k${at}`));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key),
      fc.array(fc.tuple(key, fc.boolean())),
      fc.integer({ min: 1, max: 7 }),
      async (stay, changes, limit) => {
        const { tier, put, page } = bench();
        const [mine, theirs] = [scope('t:a'), scope('t:b')];
        for (const one of stay) {
          await put(mine, one);
          await put(theirs, one);
        }
        const found: string[] = [];
        let cursor: string | undefined;
        for (let at = 0; at === 0 || cursor !== undefined; at++) {
          const { entries, next } = await page(mine, cursor, limit);
          found.push(...entries.map((entry) => entry.key));
          cursor = next;
          const [changed, comes] = changes[at] ?? ['none', false];
          if (comes) await put(mine, `x${changed}${at}`);
          else await tier.apply({ kind: 'delete', addresses: [new Address(theirs, changed)] });
          if (at > 100) break;
        }
        expect(found.filter((one) => !one.startsWith('x')).sort()).toEqual([...stay].sort());
      },
    ),
  );
});
