/** Homes: a key has one address while it is asked for, whoever else asks for a key of that name. */
import { expect, it } from 'vitest';
import type { Address } from '../../src/core/key.js';
import { Homes } from '../../src/manager/home.js';
import { ContextStore } from '../../src/security/context.js';

const RULES = { groups: [], types: new Map() };

/** The address of one key, for whoever asks. */
function homes(below: boolean): (tenantId?: string) => Address {
  const context = new ContextStore({ tenancy: 'optional' });
  const made = new Homes('shop', 'default', RULES, context, null, below);
  const current = (): Address => made.address(made.current(context.entered), 'k');
  return (tenantId) => (tenantId === undefined ? current() : context.run({ tenantId }, current));
}

it('tenants that ask for the same key in turn find their own addresses again', () => {
  const addressFor = homes(true);
  const first = [addressFor(), addressFor('a'), addressFor('b')];
  expect(new Set(first).size).toBe(3);
  expect(
    [addressFor(), addressFor('a'), addressFor('b')].map((address, at) => address === first[at]),
  ).toEqual([true, true, true]);
});

it('nothing is remembered where no tier below memory wants it', () => {
  const addressFor = homes(false);
  expect(addressFor()).not.toBe(addressFor());
});
