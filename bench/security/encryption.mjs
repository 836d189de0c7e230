// What encryption adds to an envelope: sealing and opening a value of 1 KiB and of 10 KiB, against the same in plain, in turns.
import { randomBytes } from 'node:crypto';
import { Address, Scope } from '../../libs/multi-level-cache/dist/core/key.js';
import { openFor, sealFor } from '../../libs/multi-level-cache/dist/core/sealed.js';
import { inspect } from '../../libs/multi-level-cache/dist/core/value.js';
import { KeyVault } from '../../libs/multi-level-cache/dist/security/vault/key-vault.js';
import { bar } from '../resilience/support.mjs';

const ROUNDS = 4_000;
const MOST_US = 60;
const HEADER = {
  createdAt: 1,
  ttl: 60_000,
  grace: 0,
  loadMs: 1,
  n0: 1,
  epoch: 1,
  tags: ['brand:7'],
};

/** No timer runs while it is measured, and keys are confirmed by timers: seconds take their time. */
const SLOW_CLOCK = {
  now: () => performance.now() / 1_000,
  coarse: () => performance.now() / 1_000,
  after: () => ({ cancel: () => undefined }),
  turn: () => Promise.resolve(),
};

/** Secrets in memory: what a store costs is paid once for each tenant, not for each value. */
function storeInMemory() {
  const records = new Map();
  return {
    revision: async () => '0',
    read: async (tenants) => ({ now: 0, records: tenants.map((tenant) => records.get(tenant)) }),
    swap: async (tenant, _old, record) => Boolean(records.set(tenant, record)),
    tenants: async () => ({ tenants: [...records.keys()], end: undefined }),
  };
}

async function openVault() {
  const keys = { current: 'm', keys: { m: randomBytes(32) } };
  const options = { masterKeys: () => keys, required: true };
  const events = { erased: () => undefined };
  const vault = new KeyVault('bench', options, storeInMemory(), SLOW_CLOCK, events);
  await vault.open();
  await vault.ready('t:acme');
  return vault;
}

/** Text that does not pack well, so that as many bytes are encrypted. */
const valueOf = (bytes) => ({ text: randomBytes(bytes / 2).toString('hex') });

function timeOf(address, value) {
  const shape = inspect(value);
  // Never packed: the size is that of what is encrypted.
  const seal = () => sealFor(address, { value, shape }, HEADER, Infinity);
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) seal();
  const sealed = performance.now();
  const bytes = seal();
  for (let round = 0; round < ROUNDS; round++) openFor(address, bytes);
  const us = (ms) => (1_000 * ms) / ROUNDS;
  return { seal: us(sealed - began), open: us(performance.now() - sealed) };
}

export async function encryption(_stores, { trials }) {
  const vault = await openVault();
  const at = (rules) => new Address(new Scope('bench', 't:acme', 'files', rules), 'product:4711');
  const rules = { groups: [], types: new Map() };
  const [plain, encrypted] = [at(rules), at({ ...rules, vault })];
  const bars = [];
  for (const [name, bytes, most] of [
    ['1 KiB', 1_024, MOST_US],
    ['10 KiB', 10_240, undefined],
  ]) {
    const value = valueOf(bytes);
    timeOf(plain, value);
    timeOf(encrypted, value);
    const more = [];
    for (let trial = 0; trial < trials; trial++) {
      const [without, with_] = [timeOf(plain, value), timeOf(encrypted, value)];
      more.push({ seal: with_.seal - without.seal, open: with_.open - without.open });
    }
    for (const what of ['seal', 'open'])
      bars.push(
        bar(
          `encryption, ${what} ${name}, more than plain`,
          more.map((us) => us[what]),
          {
            most,
            unit: ' us',
          },
        ),
      );
  }
  vault.close();
  return bars;
}
