/** What a PostgreSQL says of itself and what is advised, where no such server can be had. */
import { expect, it } from 'vitest';
import { adviceOnPostgres, type Answer } from '../../src/tiers/database/advice.js';

const RIGHT: Answer = {
  version: 170_002,
  fsync: 'on',
  commits: 'on',
  vacuums: true,
  superuser: false,
  connections: 97,
  unlogged: false,
};
const GIVEN = { poolSize: 4, poolerMode: false, unlogged: false };

const codes = (more: Partial<Answer>, given: Partial<typeof GIVEN> = {}): string[] =>
  adviceOnPostgres({ ...RIGHT, ...more }, { ...GIVEN, ...given }).map(({ code }) => code);

it('that is as it should be, or knows nothing of all this, is given no advice', () => {
  expect(codes({})).toEqual([]);
  const nothing = Object.fromEntries(Object.keys(RIGHT).map((name) => [name, null]));
  expect(codes(nothing as unknown as Answer)).toEqual([]);
});

it.each([
  [130_022, ['postgres-old']],
  [140_000, []],
])('of version %i: %j', (version, advice) => expect(codes({ version })).toEqual(advice));

it.each([
  [9, {}, ['postgres-few-connections']],
  [10, {}, []],
  [10, { poolSize: 5 }, ['postgres-few-connections']],
  [1, { poolerMode: true }, []],
])('with %i connections for %j: %j', (connections, given, advice) =>
  expect(codes({ connections }, given)).toEqual(advice),
);

it.each(['local', 'remote_write', 'on', 'remote_apply'])('that confirms %s is right', (commits) =>
  expect(codes({ commits })).toEqual([]),
);
