/** Contract: while a key is being written nothing loaded is kept for it, whoever loads and however late it comes. */
import assert from 'node:assert/strict';
import type { Address } from '../core/key.js';
import type { Bench, Checks } from './contract-bench.js';

const guard = (bench: Bench, address: Address, id: string, ms = 60_000): Promise<void> =>
  bench.apply({ kind: 'guard', addresses: [address], id, ms });
const unguard = (bench: Bench, address: Address, id: string): Promise<void> =>
  bench.apply({ kind: 'unguard', addresses: [address], id });

/** Loads while the key is guarded, and stores after `end`. */
async function straddle(bench: Bench, address: Address, end: () => Promise<void>): Promise<void> {
  const reply = await bench.tier.ticket(address, await bench.read(address));
  await end();
  if (reply.kind === 'granted')
    assert.equal(await bench.tier.fill(address, bench.entry('late'), reply.ticket), false);
  await bench.assertNotFresh(address);
}

export const GUARD_CHECKS: Checks = {
  'forgets a guarded key, keeps nothing for it, and can be filled again afterwards': async (
    bench,
  ) => {
    const address = bench.at('key');
    await bench.fill(address, 'old');
    await guard(bench, address, 'a');
    await bench.assertNotFresh(address);
    assert.equal(await bench.keeps(address, 'during'), false);
    await bench.assertNotFresh(address);
    await bench.fill(bench.at('other'), 'free');
    await unguard(bench, address, 'a');
    await bench.fill(address, 'new');
    await bench.assertFresh(address, 'new');
  },

  'refuses a fill whose ticket is older than the guard': async (bench) => {
    const address = bench.at('key');
    const ticket = await bench.ticket(address);
    await guard(bench, address, 'a');
    assert.equal(await bench.tier.fill(address, bench.entry('late'), ticket), false);
    await bench.assertNotFresh(address);
  },

  'refuses a fill that was begun under a guard, after its end': async (bench) => {
    const address = bench.at('key');
    await guard(bench, address, 'a');
    await straddle(bench, address, () => unguard(bench, address, 'a'));
  },

  'refuses a fill that was begun under a guard which ended by itself': async (bench) => {
    const address = bench.at('key');
    await guard(bench, address, 'a', 50);
    await straddle(bench, address, () => bench.pass(100));
    await bench.fill(address, 'new');
    await bench.assertFresh(address, 'new');
  },

  'is guarded until the last of two writers is done': async (bench) => {
    const address = bench.at('key');
    await guard(bench, address, 'a');
    await guard(bench, address, 'b');
    await unguard(bench, address, 'a');
    assert.equal(await bench.keeps(address, 'during'), false);
    await unguard(bench, address, 'b');
    await bench.fill(address, 'new');
    await bench.assertFresh(address, 'new');
  },

  'is guarded until the longer of two guards ends, and a renewed one for longer': async (bench) => {
    const address = bench.at('key');
    await guard(bench, address, 'long', 60_000);
    await guard(bench, address, 'short', 50);
    await guard(bench, address, 'renewed', 50);
    await guard(bench, address, 'renewed', 60_000);
    await bench.pass(100);
    assert.equal(await bench.keeps(address, 'during'), false);
    await unguard(bench, address, 'long');
    assert.equal(await bench.keeps(address, 'during'), false);
    await unguard(bench, address, 'renewed');
    await bench.fill(address, 'new');
    await bench.assertFresh(address, 'new');
  },
};
