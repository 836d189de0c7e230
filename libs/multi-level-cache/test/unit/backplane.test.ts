/** Messages of the Redis stream as a process takes them apart: its own only as far as they are of use to it. */
import { expect, it } from 'vitest';
import { decodeMessage } from '../../src/tiers/redis/backplane.js';

const KEYS = JSON.stringify([['p', 'default', 'k']]);
const fields = (type: string, payload: string, debt?: string): string[] => {
  const told = ['n', '7', 'e', '1', 's', 'me', 't', type, 'k', payload];
  return debt === undefined ? told : [...told, 'd', debt];
};

it.each(['d', 'x'])('what a process says of keys it has done, and is in its place: %s', (type) => {
  const own = decodeMessage(fields(type, KEYS), 'me');
  expect(own).toMatchObject({ number: 7, epoch: '1', sender: 'me', change: { keys: [] } });
  expect(decodeMessage(fields(type, KEYS), 'another')?.change).toMatchObject({
    keys: [['p', 'default', 'k']],
  });
});

it.each<[string, string[]]>([
  ['of keys where a debt is to be struck', fields('d', KEYS, 'x.0')],
  ['of tags', fields('t', JSON.stringify(['p', ['a']]))],
  ['of guards', fields('g', JSON.stringify(['id', 10, JSON.parse(KEYS)]))],
])('what it says %s is heard', (_what, told) => {
  expect(decodeMessage(told, 'me')).toEqual(decodeMessage(told, 'another'));
  expect(decodeMessage(told, 'me')?.change).not.toMatchObject({ keys: [] });
});
