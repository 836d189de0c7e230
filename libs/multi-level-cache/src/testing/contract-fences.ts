/** Contract: no fill survives a change made after its ticket, and a change hits what it names and nothing else. */
import assert from 'node:assert/strict';
import type { Address } from '../core/key.js';
import type { Bench, Check, Checks } from './contract-bench.js';

type Change = (bench: Bench, address: Address) => Promise<void>;

/** A change between ticket and fill; a tier may take the value and judge its tags when it is read. */
function voids(change: Change, refused: boolean): Check {
  return async (bench) => {
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    await change(bench, address);
    const late = bench.entry('late', { tags: ['red', 'blue'] });
    const taken = await bench.tier.fill(address, late, ticket);
    if (refused) assert.equal(taken, false, 'a late fill is taken');
    assert.equal((await bench.read(address)).entry, undefined, 'a late value can be read');
    await bench.fill(address, 'next', { tags: ['red', 'blue'] });
    await bench.assertFresh(address, 'next');
  };
}

/** A change to a stored entry; a tier may keep what it has made of one that is read again and again. */
function goneAfter(change: Change): Check {
  return async (bench) => {
    const address = bench.at('key');
    await bench.fill(address, 'old', { tags: ['red', 'blue'] });
    for (let read = 0; read < 4; read++) await bench.assertFresh(address, 'old');
    await change(bench, address);
    await bench.assertNotFresh(address);
    await bench.fill(address, 'new', { tags: ['red', 'blue'] });
    await bench.assertFresh(address, 'new');
  };
}

const remove = (bench: Bench, address: Address): Promise<void> => bench.delete(address);
const bumpBlue = (bench: Bench): Promise<void> => bench.bump('p', 'blue');
const clear = (bench: Bench, { scope }: Address): Promise<void> =>
  bench.bump(scope.tenant, scope.clearTag);

export const FENCE_CHECKS: Checks = {
  'refuses a fill after a delete': voids(remove, true),
  'refuses a fill after two deletes': voids(async (bench, address) => {
    await bench.delete(address);
    await bench.delete(address);
  }, true),
  'never serves a fill after one of its tags was invalidated': voids(bumpBlue, false),
  'never serves a fill after its cache was cleared': voids(clear, false),

  'refuses a fill after a set and keeps the value set': async (bench) => {
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    await bench.apply({ kind: 'set', addresses: [address], entries: [bench.entry('set')] });
    assert.equal(await bench.tier.fill(address, bench.entry('late'), ticket), false);
    await bench.assertFresh(address, 'set');
  },

  'takes a fill after changes to other keys and tags': async (bench) => {
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    await bench.delete(
      bench.at('other'),
      bench.at('key', 'others'),
      bench.at('key', 'items', 't:a'),
    );
    await bench.bump('p', 'green');
    await bench.bump('t:a', 'red');
    await bench.bump('p', bench.at('key', 'others').scope.clearTag);
    const entry = bench.entry('value', { tags: ['red'] });
    assert.equal(await bench.tier.fill(address, entry, ticket), true);
    await bench.assertFresh(address, 'value');
  },

  'forgets a deleted key and can be filled again': goneAfter(remove),
  'forgets what carries an invalidated tag and can be filled again': goneAfter(bumpBlue),
  'forgets a cleared cache and can be filled again': goneAfter(clear),

  'deletes every key of one change, stored or not': async (bench) => {
    const keys = ['a', 'b', 'c'].map((key) => bench.at(key));
    await bench.fill(keys[0], 1);
    await bench.fill(keys[2], 3);
    await bench.delete(...keys);
    for (const address of keys) await bench.assertNotFresh(address);
  },

  'invalidates only what carries the tag': async (bench) => {
    const other = bench.at('tagged', 'items', 't:a');
    await bench.fill(bench.at('tagged'), 1, { tags: ['red'] });
    await bench.fill(bench.at('elsewhere', 'others'), 2, { tags: ['red', 'blue'] });
    await bench.fill(bench.at('blue'), 3, { tags: ['blue'] });
    await bench.fill(bench.at('plain'), 4);
    await bench.fill(other, 5, { tags: ['red'] });
    await bench.bump('p', 'red');
    await bench.assertNotFresh(bench.at('tagged'));
    await bench.assertNotFresh(bench.at('elsewhere', 'others'));
    await bench.assertFresh(bench.at('blue'), 3);
    await bench.assertFresh(bench.at('plain'), 4);
    await bench.assertFresh(other, 5);
  },

  'clears one cache of one tenant': async (bench) => {
    const cleared = bench.at('key');
    const otherCache = bench.at('key', 'others');
    const otherTenant = bench.at('key', 'items', 't:a');
    await bench.fill(cleared, 1);
    await bench.fill(otherCache, 2);
    await bench.fill(otherTenant, 3);
    await clear(bench, cleared);
    await bench.assertNotFresh(cleared);
    await bench.assertFresh(otherCache, 2);
    await bench.assertFresh(otherTenant, 3);
  },

  'keeps one whole value when a ticket is used twice': async (bench) => {
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    assert.equal(await bench.tier.fill(address, bench.entry('first'), ticket), true);
    const again = await bench.tier.fill(address, bench.entry('second'), ticket);
    await bench.assertFresh(address, again ? 'second' : 'first');
  },

  'answers a ticket for a key filled in the meantime': async (bench) => {
    const address = bench.at('key');
    const before = await bench.read(address);
    await bench.fill(address, 'value');
    const reply = await bench.tier.ticket(address, before);
    if (reply.kind === 'found') assert.equal(reply.read.state, 'fresh');
    else assert.notEqual(reply.kind, 'none');
    await bench.assertFresh(address, 'value');
  },

  'gives a released ticket to the next': async (bench) => {
    const { tier } = bench;
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    if (tier.renew) assert.equal(await tier.renew(address, ticket), true);
    await tier.release?.(address, ticket);
    if (tier.renew && tier.release) assert.equal(await tier.renew(address, ticket), false);
    await bench.fill(address, 'value');
    await bench.assertFresh(address, 'value');
  },
};
