/** L1's table by itself: rows grow, are freed and used again, and hold nothing of what was there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEntry, type Entry, type Life } from '../../src/core/entry.js';
import { Scope } from '../../src/core/key.js';
import { Partition } from '../../src/tiers/memory/partitions.js';
import { NO_ROW } from '../../src/tiers/memory/rows.js';
import { Table } from '../../src/tiers/memory/table.js';

const DAY = 86_400_000;

function bench(most = 1_000) {
  const table = new Table(most, 'lru');
  const partition = new Partition(new Scope('app', 'p', 'default'), {
    entries: 0,
    bytes: 0,
    partitions: new Set(),
  });
  const entry = (value: unknown, life: Partial<Life> = {}, now = 0): Entry =>
    createEntry(value, { ttl: 1_000, grace: 1_000, tags: [], ...life }, now, 0, true);
  const add = (key: string, life?: Partial<Life>): number =>
    table.add(partition, key, entry(key, life));
  return { table, partition, entry, add };
}

/** What a row holds beside numbers. */
function held(table: Table, row: number): unknown[] {
  return [table.labels, table.keys, table.values, table.promises].map((column) => column[row]);
}

describe('a table', () => {
  it('starts small, and doubles up to the entries it is for', () => {
    const { table, add } = bench(300);
    const first = table.capacity;
    const lengths = new Set<number>();
    for (let n = 0; n < 300; n++) {
      add(`key${n}`);
      lengths.add(table.capacity);
    }
    // One row is none, one is spare.
    expect([...lengths]).toEqual([first, 2 * first, 4 * first, 302]);
    expect(table.values.length).toBe(302);
    add('spare');
    expect(table.capacity).toBe(302);
  });

  it('has in every cell after growth what it had before', () => {
    const { table, partition, entry } = bench();
    for (let n = 1; n < table.capacity; n++) {
      const given = {
        ...entry(new Map([[n, n]]), { tags: ['red'] }, n),
        loadMs: n,
        refreshAt: 500,
      };
      const row = table.add(partition, `key${n}`, given);
      void table.promise(row);
      table.used(row, 10 * n);
      table.hits[row] = table.counted[row] = table.validated[row] = n;
    }
    const cells = (row: number): unknown[] =>
      Object.values(table as unknown as Record<string, unknown>)
        .filter((column) => Array.isArray(column) || ArrayBuffer.isView(column))
        .map((column) => (column as unknown[])[row]);
    const rows = Array.from({ length: table.capacity }, (_, row) => row);
    const before = rows.map(cells);
    table.add(partition, 'one more', entry(1));
    expect(table.capacity).toBe(2 * rows.length);
    expect(rows.map(cells)).toEqual(before);
    expect(before[1].length).toBe(15);
    expect(table.keys[table.eviction.victim()]).toBe('key1');
  });

  it('gives a freed row to the next entry, which has nothing of the last one', async () => {
    const { table, partition, add } = bench();
    const row = add('old', { tags: ['red'], etag: 'v1', caps: { l1: 5 } });
    table.hits[row] = 7;
    await table.promise(row);
    table.remove(row);
    expect(partition.rows.get('old')).toBeUndefined();
    expect(add('new')).toBe(row);
    expect(await table.promise(row)).toBe('new');
    expect(table.entry(row)).toMatchObject({ tags: [], etag: undefined, caps: undefined });
    expect(table.hits[row]).toBe(0);
  });

  it('holds nothing in a freed row', () => {
    const { table, add } = bench();
    const row = add('key', { tags: ['red'] });
    void table.promise(row);
    expect(held(table, row)).not.toContain(undefined);
    table.remove(row);
    expect(held(table, row)).toEqual([undefined, undefined, undefined, undefined]);
    expect(table).toMatchObject({ size: 0, totalBytes: 0 });
  });

  it('is as it was where the map of a partition is full', () => {
    const { table, partition, entry, add } = bench();
    partition.rows.set = () => {
      throw new RangeError('Map maximum size exceeded');
    };
    expect(() => table.add(partition, 'key', entry(1))).toThrow(RangeError);
    expect(table.size).toBe(0);
    Reflect.deleteProperty(partition.rows, 'set');
    expect(add('key')).toBe(NO_ROW + 1);
  });

  it('gives an entry back as it came', () => {
    const { table, partition, entry } = bench();
    const life = { tags: ['red'], caps: { l2: 5 }, etag: 'v1' };
    for (const value of [{ a: 1 }, new Map([[1, 2n]]), null, 'text']) {
      const given = { ...entry(value, life, -5_000), loadMs: 7, refreshAt: -4_200 };
      const row = table.add(partition, 'key', given);
      expect(table.entry(row)).toEqual(given);
      table.remove(row);
    }
  });

  it('never lengthens a life: spans are cut to whole ms and to 49 days', () => {
    const { table, add } = bench();
    const short = add('short', { ttl: 10.7, grace: 0.9 });
    expect(table.entry(short)).toMatchObject({ freshUntil: 10.7, staleUntil: 10.7 });
    const long = add('long', { ttl: 100 * DAY, grace: 100 * DAY });
    expect(table.entry(long).freshUntil).toBe(100 * DAY);
    expect(table.entry(long).staleUntil / DAY).toBeCloseTo(149.7, 1);
  });

  it('remembers a use before the entry was made, and long after', () => {
    const { table, add } = bench();
    const row = add('key');
    table.used(row, -1.5);
    expect(table.lastAccess(row)).toBe(0);
    table.used(row, 100 * DAY);
    expect(table.lastAccess(row) / DAY).toBeCloseTo(49.7, 1);
  });

  it('lets a reload fall due once per pause, and never again after 49 days', () => {
    const { table, partition, entry } = bench();
    const row = table.add(partition, 'key', { ...entry(1), refreshAt: 800 });
    const due = (now: number): boolean => {
      table.used(row, now);
      return table.refreshDue(row, 100);
    };
    expect([799, 800, 850, 899, 900].map(due)).toEqual([false, true, false, false, true]);
    expect([60 * DAY, 61 * DAY].map(due)).toEqual([true, false]);
  });
});

it('any order of adding, using and removing leaves rows, map and order of use in step', () => {
  const step = fc.tuple(fc.constantFrom('add', 'use', 'remove'), fc.nat(200));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const { table, partition, add } = bench(100);
      const model: string[] = [];
      for (const [what, n] of steps) {
        const key = `key${n}`;
        const row = partition.rows.get(key);
        const at = model.indexOf(key);
        expect(row === undefined).toBe(at < 0);
        if (what === 'add' && row === undefined) add(key);
        else if (what === 'use' && row !== undefined) table.eviction.hit(row);
        else if (what === 'remove' && row !== undefined) table.remove(row);
        else continue;
        if (at >= 0) model.splice(at, 1);
        if (what !== 'remove') model.push(key);
        expect(table.keys[table.eviction.victim()]).toBe(model[0]);
      }
      expect([...partition.rows.keys()].sort()).toEqual([...model].sort());
      expect(table.size).toBe(model.length);
      for (let row = 0; row < table.capacity; row++) {
        const key = table.keys[row];
        if (key === undefined) expect(held(table, row).filter(Boolean)).toEqual([]);
        else expect(partition.rows.get(key)).toBe(row);
      }
      for (const key of model) {
        expect(table.keys[table.eviction.victim()]).toBe(key);
        table.remove(table.eviction.victim());
      }
      expect(table).toMatchObject({ size: 0, totalBytes: 0 });
      expect(table.eviction.victim()).toBe(NO_ROW);
    }),
    { numRuns: 200 },
  );
});
