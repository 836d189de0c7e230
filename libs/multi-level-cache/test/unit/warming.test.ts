/** Who can load a key, and the warmer: matching, recorded calls, order, budget. */
import { describe, expect, it } from 'vitest';
import { patternExpression, WarmCalls, type MakeCall } from '../../src/manager/warm-calls.js';
import { isHotKeys } from '../../src/warming/key-ref.js';
import { Warmer } from '../../src/warming/warmer.js';

const ref = (key: string, tenant = 'p', cache = 'default') => ({ tenant, cache, key });
/** Loads its arguments. */
const make: MakeCall = (args, key) => ({ key, loader: () => args });
const loaded = (call: ReturnType<WarmCalls['find']>): unknown =>
  call && (call.loader as () => unknown)();

describe('a kept list of hot keys', () => {
  it.each([[[]], [[['p', 'c', 'k', 1]]]])('is known: %j', (list) => {
    expect(isHotKeys(list)).toBe(true);
  });

  it.each([[undefined], [{}], [[['p', 'c', 'k']]], [[['p', 'c', 'k', NaN]]], [[[1, 'c', 'k', 1]]]])(
    'is told from rubbish: %j',
    (list) => {
      expect(isHotKeys(list)).toBe(false);
    },
  );
});

describe('WarmCalls', () => {
  it.each([
    ['user:{id}', 'user:1', ['1']],
    ['user:{id}', 'user:a:b', ['a:b']],
    ['a:{x}:b:{y}', 'a:1:b:2:3', ['1', '2:3']],
    ['a.b+{x}', 'a.b+c', ['c']],
    ['{x}/end', 'any/end', ['any']],
  ])('%s matches %s', (pattern, key, args) => {
    const calls = new WarmCalls();
    calls.declare(pattern, 'default', make);
    expect(loaded(calls.find(ref(key)))).toEqual(args);
    expect(calls.can(ref(key))).toBe(true);
    expect(calls.find(ref(key, 'p', 'other'))).toBeUndefined();
    expect(calls.can(ref(key, 'p', 'other'))).toBe(false);
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
    const calls = new WarmCalls();
    calls.declare('user:{id}', 'default', make);
    calls.declare('user:{id}', 'other', make);
    expect(() => calls.declare('user:{id}', 'default', make)).toThrow('CACHE_CONFIG_INVALID');
  });

  it('makes a call again that was made for a tenant, for that tenant alone', () => {
    const calls = new WarmCalls();
    calls.record('Users#find', ref('k', 't:a'), { key: 'k', loader: () => 'a' });
    expect(loaded(calls.find(ref('k', 't:a')))).toBe('a');
    expect(calls.find(ref('k', 't:b'))).toBeUndefined();
    expect(calls.find(ref('k'))).toBeUndefined();
    expect(calls.keysOf(new Set(['Users#find']))).toEqual([ref('k', 't:a')]);
    expect(calls.keysOf(new Set(['Users#all']))).toEqual([]);
  });

  it('remembers so many calls, the last ones', () => {
    const calls = new WarmCalls(2);
    for (const key of ['a', 'b', 'a', 'c'])
      calls.record('M#m', ref(key), { key, loader: () => key });
    expect(['a', 'b', 'c'].map((key) => calls.can(ref(key)))).toEqual([true, false, true]);
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
      names.map((key) => ({ ref: ref(key) })),
      { budget: 8, atATime: 4 },
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

  it('loads what is fresh where it is to be renewed, without asking the tiers', async () => {
    const asked: string[] = [];
    const renewed: string[] = [];
    const warmer = new Warmer({
      fresh: (refs) => {
        asked.push(...refs.map(({ key }) => key));
        return Promise.resolve(refs.map(() => true));
      },
      load: ({ key }, renew) => {
        if (renew) renewed.push(key);
        return Promise.resolve(true);
      },
    });
    const work = [{ ref: ref('a'), renew: true }, { ref: ref('b') }];
    const report = await warmer.warm(work, { budget: 5, atATime: 1 });
    expect(report).toMatchObject({ loaded: 1, alreadyFresh: 1 });
    expect([asked, renewed]).toEqual([['b'], ['a']]);
  });
});
