/** Durations, sizes and the options of one call, as users write them. */
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/core/duration.js';
import { defaultLife, entryLife } from '../../src/core/entry-options.js';
import { CacheError, isCacheError } from '../../src/core/errors.js';
import { parseSize } from '../../src/core/size.js';

describe('parseDuration', () => {
  it.each<[unknown, number]>([
    [0, 0],
    [1.5, 1.5],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ])('reads %s', (given, ms) => {
    expect(parseDuration(given)).toBe(ms);
  });

  it.each([-1, NaN, Infinity, '', '5', '5 s', '-5s', '5S', '1e3s', '5sec', 's', null, {}, 5n])(
    'refuses %s',
    (given) => {
      expect(parseDuration(given)).toBeUndefined();
    },
  );
});

describe('parseSize', () => {
  it.each<[unknown, number]>([
    [1, 1],
    ['512b', 512],
    ['64kb', 65_536],
    ['1.5MB', 1_572_864],
    ['2gb', 2 ** 31],
  ])('reads %s', (given, bytes) => {
    expect(parseSize(given)).toBe(bytes);
  });

  it.each([0, -1, 1.5, NaN, Infinity, '0b', '5', '5 mb', 'mb', '5tb', null, {}, 5n])(
    'refuses %s',
    (given) => {
      expect(parseSize(given)).toBeUndefined();
    },
  );
});

describe('entryLife', () => {
  const defaults = defaultLife({
    ttl: 1,
    grace: 2,
    timeout: undefined,
    hardTimeout: 3,
    negativeTtl: undefined,
    jitter: 0,
    refreshAhead: 0,
  });

  it('lays the options of a call over the defaults', () => {
    expect(entryLife(undefined, defaults)).toBe(defaults);
    expect(entryLife({ ttl: '1s', tags: ['a', 'b', 'a'] }, defaults)).toEqual({
      ...defaults,
      ttl: 1_000,
      tags: ['a', 'b'],
    });
  });

  it('takes the longest of the lives tier by tier, and caps the others', () => {
    const life = entryLife({ ttl: { l1: 5, l2: '1m' } }, defaults);
    expect(life).toMatchObject({ ttl: 60_000, caps: { l1: 5, l2: 60_000 } });
    expect(entryLife({ ttl: {} }, defaults).ttl).toBe(defaults.ttl);
  });

  it.each<[string, unknown]>([
    ['ttl', { ttl: 'soon' }],
    ['grace', { grace: -1 }],
    ['hardTimeout', { hardTimeout: null }],
    ['tags', { tags: 'red' }],
    ['tags', { tags: ['\u0001default'] }],
    ['tags', { tags: [''] }],
    ['tags', { tags: Array.from({ length: 17 }, (_, index) => `tag${index}`) }],
    ['tll', { tll: 5 }],
    ['ttl', { ttl: Infinity }],
    ['ttl.l4', { ttl: { l4: 5 } }],
    ['ttl.l2', { ttl: { l2: 'soon' } }],
    ['timeout', { timeout: '25d' }],
    ['negativeTtl', { negativeTtl: -1 }],
    ['jitter', { jitter: 1.1 }],
    ['refreshAhead', { refreshAhead: '0.5' }],
    ['tiers', { tiers: [] }],
    ['tiers', { tiers: ['l4'] }],
    ['forceFresh', { forceFresh: 1 }],
    ['signal', { signal: {} }],
    ['type', { type: Date }],
    ['type', { type: () => 'Product' }],
    ['etag', { etag: 'only a loader may set it' }],
    ['options', 'ttl'],
    ['options', null],
  ])('names a wrong %s', (name, options) => {
    expect(() => entryLife(options as never, defaults)).toThrow(
      expect.objectContaining({
        code: 'CACHE_OPTION_INVALID',
        message: expect.stringContaining(name),
      }),
    );
  });
});

describe('CacheError', () => {
  it('is known by its name and code, and says whether to try again', () => {
    const error = new CacheError('CACHE_TIER_TIMEOUT', 'late');
    const foreign = Object.assign(new Error('x'), { name: 'CacheError', code: 'CACHE_CLOSED' });
    expect([
      isCacheError(error),
      isCacheError(error, 'CACHE_CLOSED'),
      isCacheError(foreign),
    ]).toEqual([true, false, true]);
    expect(error.retryable).toBe(true);
    expect(new CacheError('CACHE_CLOSED', 'over').retryable).toBe(false);
    expect(isCacheError(new Error('x'))).toBe(false);
  });
});
