/** What the options may be; every fault is told at once. */
import { isCacheError } from 'nestjs-multi-level-cache';
import { expect, it } from 'vitest';
import { CacheDashboardModule, type CacheDashboardOptions } from '../src/index.js';
import { readOptions } from '../src/options.js';

const messageOf = (options: unknown): string => {
  try {
    CacheDashboardModule.forRoot(options as CacheDashboardOptions);
    return '';
  } catch (error) {
    expect(isCacheError(error, 'CACHE_CONFIG_INVALID')).toBe(true);
    return (error as Error).message;
  }
};

it('is closed, changes nothing and shows no value by default', () => {
  expect(readOptions({})).toEqual({
    path: 'ops/cache',
    guard: undefined,
    actions: false,
    values: 'hidden',
  });
});

it('tells every fault at once, and repeats no text', () => {
  const message = messageOf({
    path: 'a//b',
    guard: 'hunter2',
    actions: 'yes',
    values: 'all',
    token: 's3cret',
  });
  expect(message.split('\n').slice(1)).toEqual([
    '  token: is an unknown option; allowed: one of path, guard, actions, values, imports',
    '  path: is a text; allowed: segments of letters, digits and - . _ ~, such as ops/cache',
    '  guard: is a text; allowed: a class with canActivate, or an object with it',
    '  actions: is a text; allowed: true or false',
    "  values: is a text; allowed: 'hidden' or 'redacted'",
  ]);
  expect(message).not.toMatch(/hunter2|s3cret/);
});

it.each([null, 7, 'ops/cache', [], () => undefined])('refuses %o as options', (options) => {
  expect(messageOf(options)).toMatch(/options: is .*; allowed: an object/);
});

it.each([
  '',
  '/',
  '..',
  'a/../b',
  './a',
  'a b',
  'a?b',
  'a#b',
  ':id',
  '*',
  'a/*rest',
  '{a}',
  'a%2fb',
  '<b>',
  '\u0000',
  'ä',
  'a'.repeat(300),
  7,
  null,
])('refuses the path %o', (path) => {
  expect(messageOf({ path })).toMatch(/path: is .*; allowed: segments/);
});

it.each([true, null, 0, {}, class {}, () => true, { canActivate: true }, Symbol('guard')])(
  'refuses the guard %o',
  (guard) => {
    expect(messageOf({ guard })).toMatch(/guard: is .*; allowed: a class with canActivate/);
  },
);

it.each(['/ops/cache/', 'ops/cache', 'a.b/c-d_e~f'])('takes the path %s', (path) => {
  expect(readOptions({ path }).path).toBe(path.replace(/^\/|\/$/g, ''));
});
