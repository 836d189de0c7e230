/** Hot keys, loaders by pattern, and the warmer: counting, matching, budget. */
import { describe, expect, it } from 'vitest';
import { HotKeys, isHotKeys } from '../../src/warming/hot-keys.js';
import { Loaders, patternExpression } from '../../src/warming/loaders.js';
import { Warmer } from '../../src/warming/warmer.js';

const ref = (key: string, tenant = 'p', cache = 'default') => ({ tenant, cache, key });
const keys = (refs: readonly { key: string }[]): string[] => refs.map(({ key }) => key);

describe('HotKeys', () => {
  it('orders by counts that fade by half in a half-life', () => {
    const hot = new HotKeys(10, 1_000);
    hot.observe(ref('old'), 8);
    hot.fade(2_000);
    hot.observe(ref('new'), 3);
    expect(keys(hot.top(5))).toEqual(['new', 'old']);
    expect(hot.snapshot(5)).toEqual([
      ['p', 'default', 'new', 3],
      ['p', 'default', 'old', 2],
    ]);
    hot.fade(20_000);
    expect(hot.size).toBe(0);
  });

  it('is bounded, and gives up the coldest', () => {
    const hot = new HotKeys(10);
    for (let n = 0; n < 100; n++) hot.observe(ref(`k${n}`), n);
    expect(hot.size).toBeLessThanOrEqual(20);
    hot.fade(0);
    expect(hot.size).toBeLessThanOrEqual(10);
    expect(keys(hot.top(2))).toEqual(['k99', 'k98']);
  });

  it('keeps tenants and caches apart, and takes the larger count when lists meet', () => {
    const hot = new HotKeys();
    hot.observe(ref('k', 't:a'), 1);
    hot.observe(ref('k', 't:b'), 5);
    hot.merge([
      ['t:a', 'default', 'k', 9],
      ['t:b', 'default', 'k', 2],
    ]);
    expect(hot.top(3).map(({ tenant }) => tenant)).toEqual(['t:a', 't:b']);
    expect(hot.top(3, ({ tenant }) => tenant === 't:b')).toHaveLength(1);
  });

  it.each([[[]], [[['p', 'c', 'k', 1]]]])('knows a kept list: %j', (list) => {
    expect(isHotKeys(list)).toBe(true);
  });

  it.each([[undefined], [{}], [[['p', 'c', 'k']]], [[['p', 'c', 'k', NaN]]], [[[1, 'c', 'k', 1]]]])(
    'refuses rubbish: %j',
    (list) => {
      expect(isHotKeys(list)).toBe(false);
    },
  );
});

describe('Loaders', () => {
  it.each([
    ['user:{id}', 'user:1', ['1']],
    ['user:{id}', 'user:a:b', ['a:b']],
    ['a:{x}:b:{y}', 'a:1:b:2:3', ['1', '2:3']],
    ['a.b+{x}', 'a.b+c', ['c']],
    ['{x}/end', 'any/end', ['any']],
  ])('%s matches %s', (pattern, key, args) => {
    const loaders = new Loaders();
    loaders.add(pattern, 'default', { run: () => Promise.resolve(), stores: false });
    expect(loaders.find('default', key)?.args).toEqual(args);
    expect(loaders.find('other', key)).toBeUndefined();
  });

  it.each([
    ['user:{id}', 'user:'],
    ['user:{id}', 'users:1'],
    ['a.b{x}', 'aXb1'],
  ])('%s does not match %s', (pattern, key) => {
    expect(patternExpression(pattern)!.test(key)).toBe(false);
  });

  it.each([['user:1'], [''], ['{a}{b}'], [5]])('%j is no pattern', (pattern) => {
    expect(patternExpression(pattern)).toBeUndefined();
  });

  it('refuses a pattern twice', () => {
    const loaders = new Loaders();
    const loader = { run: () => Promise.resolve(), stores: false };
    loaders.add('user:{id}', 'default', loader);
    loaders.add('user:{id}', 'other', loader);
    expect(() => loaders.add('user:{id}', 'default', loader)).toThrow('CACHE_CONFIG_INVALID');
  });
});

describe('Warmer', () => {
  it('loads what is missing, hottest first, within its budget and a few at a time', async () => {
    let running = 0;
    let most = 0;
    const loaded: string[] = [];
    const warmer = new Warmer({
      fresh: (refs) => Promise.resolve(refs.map(({ key }) => key === 'b')),
      load: async ({ key }) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        loaded.push(key);
        if (key === 'c') throw new Error('no');
        return key !== 'd';
      },
    });
    const names = 'abcdefghij'.split('');
    const report = await warmer.warm(
      names.map((key) => ref(key)),
      8,
    );
    expect(report).toMatchObject({
      planned: 10,
      loaded: 6,
      alreadyFresh: 1,
      failed: 2,
      overBudget: 1,
    });
    expect(report.entries.at(-1)).toEqual({ key: 'j', outcome: 'overBudget' });
    expect(loaded.toSorted()).toEqual('acdefghi'.split(''));
    expect(most).toBeLessThanOrEqual(4);
  });
});
