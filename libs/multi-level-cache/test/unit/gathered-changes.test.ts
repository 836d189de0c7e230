/** GatheredChanges: writes of single keys that come together are one change, in their order, and none after its caller has given up. */
import { expect, it } from 'vitest';
import { createEntry } from '../../src/core/entry.js';
import { Address, Scope } from '../../src/core/key.js';
import type { ApplyHow, Change } from '../../src/core/tier.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { GatheredChanges } from '../../src/tiers/gathered-changes.js';

const at = (key: string, tenant = 'p'): Address =>
  new Address(new Scope('shop', tenant, 'default'), key);
const remove = (key: string, tenant?: string): Change => ({
  kind: 'delete',
  addresses: [at(key, tenant)],
});
const set = (key: string, value: unknown = key): Change => ({
  kind: 'set',
  addresses: [at(key)],
  entries: [createEntry(value, { ttl: 1_000, grace: 0, tags: [] }, 0, 0, false)],
});
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Made {
  readonly text: string;
  readonly how: ApplyHow;
  end(error?: Error): void;
}

function bench(most = 100, halves = false) {
  const clock = new FakeClock();
  const made: Made[] = [];
  const make = (change: Change, how: ApplyHow): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (error?: Error): void => (error ? reject(error) : resolve());
      made.push({ text: spell(change), how, end });
    });
  return { clock, made, gathered: new GatheredChanges(make, clock, most, halves) };
}

function spell(change: Change): string {
  if (change.kind === 'tags') return `tags ${change.tags.join()}`;
  const values = change.kind === 'set' ? change.entries.map(({ value }) => String(value)) : [];
  const keys = change.addresses.map(({ key }, index) => [key, ...values.slice(index, index + 1)]);
  return `${change.kind} ${keys.map((pair) => pair.join('=')).join(' ')}`;
}

it('makes one change of many, and all of them have been made when it has', async () => {
  const { gathered, made } = bench();
  const all = Promise.all(['a', 'b', 'a'].map((key, n) => gathered.apply(set(key, n), {})));
  await tick();
  expect(made.map(({ text }) => text)).toEqual(['set a=0 b=1 a=2']);
  made[0].end();
  await all;
});

it.each([
  [true, [20, 20]],
  [false, [40]],
])('makes many in halves where their order is kept all the same: %s', async (halves, sizes) => {
  const { gathered, made } = bench(100, halves);
  const keys = Array.from({ length: 40 }, (_zero, n) => `k${n}`);
  const all = Promise.all(keys.map((key) => gathered.apply(remove(key), {})));
  await tick();
  expect(made.map(({ text }) => text.split(' ').length - 1)).toEqual(sizes);
  expect(made.flatMap(({ text }) => text.split(' ').slice(1))).toEqual(keys);
  for (const one of made) one.end();
  await all;
});

it('fails for all of whom it cannot be known to be made', async () => {
  const { gathered, made } = bench();
  const all = Promise.allSettled(['a', 'b'].map((key) => gathered.apply(remove(key), {})));
  await tick();
  made[0].end(new Error('away'));
  expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

it('keeps the order within a tenant: one kind after the other, the next whether the one before came through or not', async () => {
  const { gathered, made } = bench();
  const changes = [remove('b'), set('a'), remove('a'), remove('c')];
  const all = Promise.allSettled(changes.map((change) => gathered.apply(change, {})));
  await tick();
  expect(made.map(({ text }) => text)).toEqual(['delete b']);
  made[0].end(new Error('away'));
  await tick();
  expect(made.map(({ text }) => text)).toEqual(['delete b', 'set a=a']);
  made[1].end();
  await tick();
  expect(made[2].text).toBe('delete a c');
  made[2].end();
  expect((await all).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
});

it('keeps tenants apart', async () => {
  const { gathered, made } = bench();
  const pairs = [
    ['a', 't:one'],
    ['b', 't:two'],
    ['c', 't:one'],
  ] as const;
  for (const [key, tenant] of pairs) void gathered.apply(remove(key, tenant), {});
  await tick();
  expect(made.map(({ text }) => text)).toEqual(['delete a c', 'delete b']);
});

it.each<[string, ApplyHow]>([
  ['is quiet', { quiet: true }],
  ['is part of another trace', { trace: '00-1' }],
])('makes apart what %s', async (_what, how) => {
  const { gathered, made } = bench();
  void gathered.apply(remove('a'), {});
  void gathered.apply(remove('b'), how);
  await tick();
  made[0].end();
  await tick();
  expect(made.map(({ text, how: { quiet, trace } }) => [text, quiet, trace])).toEqual([
    ['delete a', undefined, undefined],
    ['delete b', how.quiet, how.trace],
  ]);
});

it.each<[string, Change, ApplyHow]>([
  ['has many keys', { kind: 'delete', addresses: [at('a'), at('b')] }, {}],
  ['is of another kind', { kind: 'tags', tenant: 'p', tags: ['x'] }, {}],
  ['somebody is owed', remove('a'), { debt: 'name' }],
])('makes at once what %s', (_what, change, how) => {
  const { gathered, made } = bench();
  void gathered.apply(change, how);
  expect(made).toMatchObject([{ how }]);
});

it('makes nothing for whom has given up, and fails', async () => {
  const { clock, gathered, made } = bench(2);
  const first = ['a', 'b'].map((key) => gathered.apply(set(key), {}));
  const second = ['c', 'd'].map((key) => gathered.apply(set(key), {}));
  await tick();
  const patient = gathered.apply(set('e'), { until: clock.now() + 100 });
  const hasty = gathered.apply(set('f'), { until: clock.now() + 10 });
  clock.advance(10);
  for (const one of made) one.end();
  await Promise.all([...first, ...second]);
  await tick();
  expect(made.map(({ text }) => text)).toEqual(['set a=a b=b', 'set c=c d=d', 'set e=e']);
  made[2].end();
  await expect(hasty).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
  await patient;
});

it('removes also for whom has given up', async () => {
  const { clock, gathered, made } = bench();
  void gathered.apply(remove('a'), { until: clock.now() });
  void gathered.apply(remove('b'), { until: clock.now() });
  await tick();
  expect(made.map(({ text }) => text)).toEqual(['delete a b']);
});

it('is made by when the first of them gives up', async () => {
  const { clock, gathered, made } = bench();
  const [soon, late] = [clock.now() + 10, clock.now() + 100];
  for (const until of [late, soon, undefined]) void gathered.apply(set('a'), { until });
  await tick();
  expect(made.map(({ how }) => how.until)).toEqual([soon]);
});
