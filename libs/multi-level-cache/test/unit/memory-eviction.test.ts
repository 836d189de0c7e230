/** What goes where memory is full: the policies against plain ones, a hit that moves nothing, the ghost, what is too large. */
import fc from 'fast-check';
import { LRUCache } from 'lru-cache';
import { describe, expect, it } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import { Address, Scope } from '../../src/core/key.js';
import type { L1Options } from '../../src/core/options.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { Ghost } from '../../src/tiers/memory/ghost.js';
import { MemoryTier, NO_ROW } from '../../src/tiers/memory/memory-tier.js';
import { Partition } from '../../src/tiers/memory/partitions.js';
import type { S3Fifo } from '../../src/tiers/memory/s3-fifo.js';
import { Table } from '../../src/tiers/memory/table.js';
import { PlainLru, PlainS3Fifo, type PlainPolicy } from './eviction-models.js';

const scope = new Scope('app', 'p', 'default');

function bench(options: Partial<L1Options> = {}) {
  const clock = new FakeClock();
  const bounds = { maxEntries: 10, maxSize: 1024 ** 3 };
  const tier = new MemoryTier({ ...bounds, keepStale: false, ...options }, clock);
  const gone: string[] = [];
  tier.onEvict = (_cache, key, reason) => gone.push(`${key} ${reason}`);
  const fill = (key: string, ttl = 1_000_000, value = 'v', owner = scope): boolean => {
    const address = new Address(owner, key);
    const entry = createEntry(value, { ttl, grace: 0, tags: [] }, clock.now(), 0, true);
    return tier.fill(address, entry, tier.ticketFor(address)!);
  };
  const hit = (key: string): boolean => tier.hit(tier.partition(scope), key) !== NO_ROW;
  const drop = (key: string): void => tier.drop(scope, key);
  const keys = (): string[] => [...tier.partition(scope).rows.keys()].sort();
  return { clock, tier, gone, fill, hit, drop, keys };
}

/** As in a replay: what is missing is loaded. */
const ask = ({ fill, hit }: Pick<ReturnType<typeof bench>, 'fill' | 'hit'>, key: string): boolean =>
  hit(key) || !fill(key);

/** Few keys are asked for often, and now and then many that are asked for once. */
function requests(count: number, keys: number): string[] {
  let state = 12_345;
  const draw = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  return Array.from({ length: count }, (_none, at) =>
    at % 1_000 < 150 ? `scan${at}` : `key${Math.floor(keys ** draw())}`,
  );
}

function replayed(policy: PlainPolicy, size: number, keys: readonly string[]): number {
  const held = new Set<string>();
  let hits = 0;
  for (const key of keys) {
    if (held.has(key)) {
      hits++;
      policy.hit(key);
      continue;
    }
    held.add(key);
    policy.enter(key);
    if (held.size > size) held.delete(policy.victim()!);
  }
  return hits;
}

const key = fc.nat(24).map((n) => `k${n}`);
const STEP = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(fc.constant('ask' as const), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('drop' as const), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('set' as const), key) },
);
const steps = fc.array(STEP, { minLength: 100, maxLength: 400, size: 'max' });
const size = fc.constantFrom(1, 2, 3, 10, 15);

describe('lru', () => {
  it('holds what lru-cache holds, whatever is asked for, written and dropped', () => {
    fc.assert(
      fc.property(steps, size, (all, maxEntries) => {
        const mine = bench({ eviction: 'lru', maxEntries });
        const theirs = new LRUCache<string, true>({ max: maxEntries });
        for (const [what, key] of all) {
          if (what === 'drop') {
            mine.drop(key);
            theirs.delete(key);
          } else if (what === 'set') {
            mine.fill(key);
            theirs.set(key, true);
          } else {
            const found = theirs.get(key) ?? false;
            if (!found) theirs.set(key, true);
            expect(ask(mine, key)).toBe(found);
          }
          expect(mine.keys()).toEqual([...theirs.keys()].sort());
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('s3-fifo', () => {
  it('holds what a plain model holds, whatever is asked for, dropped and expires', () => {
    const timed = fc.array(fc.tuple(STEP, fc.constantFrom(0, 0, 0, 0, 1, 10)), {
      minLength: 100,
      maxLength: 400,
      size: 'max',
    });
    fc.assert(
      fc.property(timed, size, fc.constantFrom(20, 1_000_000), (all, maxEntries, ttl) => {
        const mine = bench({ eviction: 's3-fifo', maxEntries });
        const model = new PlainS3Fifo();
        const until = new Map<string, number>();
        const fill = (key: string): void => {
          if (until.has(key)) model.leave(key);
          until.set(key, mine.clock.now() + ttl);
          model.enter(key);
          if (until.size > maxEntries) until.delete(model.victim()!);
          mine.fill(key, ttl);
        };
        for (const [[what, key], ms] of all) {
          mine.clock.advance(ms);
          if (what === 'drop') {
            mine.drop(key);
            if (until.delete(key)) model.leave(key);
          } else if (what === 'set') fill(key);
          else {
            const fresh = mine.clock.now() < (until.get(key) ?? -Infinity);
            expect(mine.hit(key)).toBe(fresh);
            if (fresh) model.hit(key);
            else {
              if (until.delete(key)) model.leave(key);
              fill(key);
            }
          }
          expect(mine.keys()).toEqual([...until.keys()].sort());
        }
      }),
      { numRuns: 150 },
    );
  });

  it('changes no order by a hit: what goes goes in the order of its coming', () => {
    const all = Array.from({ length: 10 }, (_none, at) => `k${at}`);
    const goneAfter = (hits: readonly string[]): readonly string[] => {
      const mine = bench();
      all.forEach((one) => mine.fill(one));
      hits.forEach(mine.hit);
      for (let at = 0; at < 10; at++) mine.fill(`new${at}`);
      return mine.gone;
    };
    expect(goneAfter(all.toReversed())).toEqual(goneAfter([]));
    expect(goneAfter([])).toEqual(all.map((one) => `${one} size`));
  });

  it('keeps what was asked for twice while in the small queue, and what the ghost remembers', () => {
    const mine = bench();
    ['twice', 'once', 'never'].forEach((one) => mine.fill(one));
    ['twice', 'twice', 'once'].forEach(mine.hit);
    for (let at = 0; at < 12; at++) mine.fill(`scan${at}`);
    expect(mine.keys()).toContain('twice');
    expect(mine.keys()).not.toContain('once');
    mine.fill('once');
    for (let at = 0; at < 50; at++) mine.fill(`more${at}`);
    expect(mine.keys()).toEqual(expect.arrayContaining(['once', 'twice']));
  });

  it('leaves its place to a key that is written or expires in the main queue', () => {
    const mine = bench();
    ['written', 'expired', 'new'].forEach((one) => mine.fill(one, one === 'expired' ? 10 : 1e6));
    for (const one of ['written', 'expired']) [one, one].forEach(mine.hit);
    for (let at = 0; at < 9; at++) mine.fill(`scan${at}`);
    mine.clock.advance(10);
    mine.hit('expired');
    ['written', 'expired'].forEach((one) => mine.fill(one));
    for (let at = 0; at < 50; at++) mine.fill(`more${at}`);
    expect(mine.keys()).toEqual(expect.arrayContaining(['expired', 'written']));
  });
});

it.each([
  ['lru', PlainLru],
  ['s3-fifo', PlainS3Fifo],
] as const)('%s answers a trace exactly as often as its model', (eviction, Plain) => {
  const all = requests(20_000, 2_000);
  for (const maxEntries of [2, 25, 250]) {
    const mine = bench({ eviction, maxEntries });
    const hits = all.filter((one) => ask(mine, one)).length;
    expect(hits).toBe(replayed(new Plain(), maxEntries, all));
    expect(mine.tier.status().entries).toBe(maxEntries);
  }
});

it('scans cost s3-fifo fewer hits than lru', () => {
  const all = requests(20_000, 2_000);
  const [lru, fifo] = [new PlainLru(), new PlainS3Fifo()].map((one) => replayed(one, 100, all));
  expect(fifo).toBeGreaterThan(1.05 * lru);
});

describe('the ghost', () => {
  it('remembers so many and no more, those that went last, as a list would', () => {
    const step = fc.tuple(fc.constantFrom('add', 'add', 'take'), fc.nat(300), fc.nat(200));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (all) => {
        const ghost = new Ghost();
        let model: number[] = [];
        for (const [what, n, most] of all) {
          // Of both signs, and many in each chain of the table.
          const hash = Math.imul(n, 0x9e3779b1);
          const known = model.includes(hash);
          model = model.filter((one) => one !== hash);
          if (what === 'take') expect(ghost.take(hash)).toBe(known);
          else {
            ghost.add(hash, most);
            model = most === 0 ? [] : [...model, hash].slice(-most);
          }
          expect(ghost.size).toBe(model.length);
        }
        for (const hash of model) expect(ghost.take(hash)).toBe(true);
        expect(ghost.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('of a tier remembers no more keys than its main queue may hold', () => {
    const table = new Table(100, 's3-fifo');
    const { ghost } = table.eviction as S3Fifo;
    const usage = { entries: 0, bytes: 0, partitions: new Set<Partition>() };
    const partition = new Partition(scope, usage);
    for (let at = 0; at < 1_000; at++) {
      const life = { ttl: 1_000, grace: 0, tags: [] };
      table.add(partition, `k${at}`, createEntry(at, life, 0, 0, true));
      if (table.size > 100) table.remove(table.eviction.victim());
    }
    expect(ghost.size).toBe(90);
  });
});

describe.each(['lru', 's3-fifo'] as const)('%s', (eviction) => {
  it('holds both bounds, by entries and by bytes, over all partitions', () => {
    const mine = bench({ eviction, maxEntries: 20, maxSize: 20_000 });
    const other = new Scope('app', 't:a', 'default');
    for (let at = 0; at < 300; at++) {
      const long = 'x'.repeat((at * 337) % 2_000);
      mine.fill(`k${at % 90}`, 1e6, long, at % 3 === 0 ? other : scope);
      if (at % 2 === 0) mine.hit(`k${(at * 7) % 90}`);
      const { entries, bytes } = mine.tier.status();
      expect(entries).toBeLessThanOrEqual(20);
      expect(bytes).toBeLessThanOrEqual(20_000);
    }
    expect(mine.tier.status().bytes).toBeGreaterThan(15_000);
  });

  it('lets a tenant keep its share, and the others theirs', () => {
    const mine = bench({ eviction, maxEntries: 50, tenantShare: 0.2 });
    const [much, little] = ['t:much', 't:little'].map((one) => new Scope('app', one, 'default'));
    for (let at = 0; at < 5; at++) mine.fill(`k${at}`, 1e6, 'v', little);
    for (let at = 0; at < 200; at++) mine.fill(`k${at}`, 1e6, 'v', much);
    const held = (owner: Scope): number => mine.tier.partition(owner).rows.size;
    expect([held(much), held(little)]).toEqual([10, 5]);
    for (let at = 0; at < 200; at++) mine.fill(`free${at}`);
    expect(mine.tier.status().entries).toBe(50);
  });

  it('takes no value above an eighth of the bytes bound, counts it, and drops what it was to replace', () => {
    const mine = bench({ eviction, maxSize: 16_000 });
    const sizeOf = (length: number): number => {
      const probe = bench();
      probe.fill('key', 1e6, 'x'.repeat(length));
      return probe.tier.status().bytes;
    };
    const eighth = 2_000 - sizeOf(0);
    mine.fill('other');
    expect(mine.fill('key', 1e6, 'x'.repeat(eighth))).toBe(true);
    expect(mine.tier.status()).toMatchObject({ entries: 2, rejected: { size: 0 } });
    expect(mine.fill('key', 1e6, 'x'.repeat(eighth + 1))).toBe(false);
    expect(mine.tier.status()).toMatchObject({ entries: 1, evictions: 0, rejected: { size: 1 } });
    expect(mine.keys()).toEqual(['other']);
  });
});
