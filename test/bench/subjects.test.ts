/** Everybody the benchmark measures: loads, answers rightly from memory, and is installed in the version that is printed. */
import { expect, it } from 'vitest';
import { check, fill } from '../../bench/lib/prepare.mjs';
import { SUBJECTS, versions } from '../../bench/subjects/index.mjs';

const keys = Array.from({ length: 64 }, (_none, id) => `product:${id}`);
const valueOf = (key: string) => ({ id: Number(key.slice(8)), tags: ['one', 'two'] });
const inMemory = SUBJECTS.filter(({ tiers }) => tiers.includes('l1'));

it('has ours, raw libraries and other caches', () => {
  const kinds = new Set(inMemory.map(({ kind }) => kind));
  expect(kinds).toEqual(new Set(['ours', 'raw', 'peer']));
  expect(versions().filter(([, version]) => !/^\d+\.\d+\.\d+/.test(version))).toEqual([]);
});

it.each(inMemory.map((subject) => [subject.name, subject] as const))(
  '%s answers from memory',
  async (_name, subject) => {
    const cache = await subject.open({
      tiers: 'l1',
      maxEntries: 256,
      load: valueOf,
      metrics: false,
    });
    await fill(cache, keys, valueOf);
    await check(subject, cache, { tiers: 'l1', keys, valueOf });
    await cache.close();
  },
);

it('one that answers wrongly is not measured', async () => {
  const wrong = { get: () => ({ id: 0 }), set: () => undefined, close: () => undefined };
  const checked = check({ name: 'wrong' }, wrong, { tiers: 'l1', keys, valueOf });
  await expect(checked).rejects.toThrow('wrong in l1: product:0 is');
});
