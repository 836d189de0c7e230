/** Contract: an entry is fresh for its time to live, stands in for its grace, and then is gone. */
import assert from 'node:assert/strict';
import type { Checks } from './contract-bench.js';

const SHORT = { ttl: 150, grace: 60_000 };

/** For every tier. */
export const LIFE_CHECKS: Checks = {
  'is not fresh after its time to live': async (bench) => {
    const address = bench.at('key');
    await bench.fill(address, 'old', { ttl: SHORT.ttl, grace: 0 });
    await bench.pass(SHORT.ttl + 20);
    await bench.assertNotFresh(address);
    await bench.fill(address, 'new');
    await bench.assertFresh(address, 'new');
  },

  'is not fresh after its time to live, however often it was read before': async (bench) => {
    const address = bench.at('key');
    const ttl = 1_000;
    await bench.fill(address, 'old', { ttl, grace: 60_000 });
    for (let read = 0; read < 4; read++) await bench.assertFresh(address, 'old');
    await bench.pass(ttl + 20);
    await bench.assertNotFresh(address);
  },

  'does not store what has expired': async (bench) => {
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    await bench.tier.fill(address, bench.entry('value', { ttl: 0, grace: 0 }), ticket);
    await bench.assertNotFresh(address);
  },

  'tells its state': async (bench) => {
    await bench.fill(bench.at('key'), 'value');
    const { state, corrupt } = bench.tier.status();
    assert.deepEqual({ state, corrupt }, { state: 'up', corrupt: 0 });
  },
};

/** For tiers that hold entries for their grace. */
export const STALE_CHECKS: Checks = {
  'holds a stale entry for its grace, and fills over it': async (bench) => {
    const address = bench.at('key');
    await bench.fill(address, 'old', SHORT);
    await bench.pass(SHORT.ttl + 20);
    const read = await bench.read(address);
    assert.equal(read.state, 'stale');
    assert.equal(read.entry?.value, 'old');
    await bench.fill(address, 'new');
    await bench.assertFresh(address, 'new');
  },

  'drops a stale entry after its grace': async (bench) => {
    const address = bench.at('key');
    await bench.fill(address, 'old', { ttl: 50, grace: 50 });
    await bench.pass(150);
    const { state, entry } = await bench.read(address);
    assert.deepEqual(
      { usable: state === 'fresh' || state === 'stale', entry },
      { usable: false, entry: undefined },
    );
  },

  'invalidates stale entries as fresh ones': async (bench) => {
    const [byKey, byTag] = [bench.at('key'), bench.at('tagged')];
    await bench.fill(byKey, 'old', SHORT);
    await bench.fill(byTag, 'old', { ...SHORT, tags: ['red'] });
    await bench.pass(SHORT.ttl + 20);
    await bench.delete(byKey);
    await bench.bump('p', 'red');
    for (const address of [byKey, byTag]) {
      assert.notEqual((await bench.read(address)).state, 'stale');
    }
  },
};
