/** Changes as other processes get them, and what is none. */
import { expect, it } from 'vitest';
import { decodeChange, encodeChange, localChange } from '../../src/core/change.js';
import { Address, Scope } from '../../src/core/key.js';

const RULES = { groups: [], types: new Map() };

it.each([undefined, 'ann', 'a@b', 'a%40b', 'ä:{}', '@'])(
  "a key of the user %s comes back as that user's",
  (subject) => {
    const scope = new Scope('app', 't:a', 'default', RULES, subject);
    const { type, payload } = encodeChange({
      kind: 'delete',
      addresses: [new Address(scope, 'k')],
    });
    const remote = decodeChange(type, payload)!;
    const change = localChange(remote, 'app', RULES);
    expect(change).toMatchObject({ addresses: [{ key: 'k', scope: { subject, id: scope.id } }] });
  },
);

it.each(['default@%zz', 'default@', 'a b', '', '@ann', `default@${'x'.repeat(2_000)}`, 'd@%00'])(
  'a place that is none is refused: %s',
  (place) => {
    expect(decodeChange('d', JSON.stringify([['p', place, 'k']]))).toBeUndefined();
  },
);
