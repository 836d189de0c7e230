/** The vault over a store in memory, with a clock of the test's: when keys are used, when they are not any more, and who makes them. */
import { inspect } from 'node:util';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { MasterKeys } from '../../src/core/encryption-options.js';
import type { TenantKeyStore } from '../../src/core/vault.js';
import { KeyVault } from '../../src/security/vault/key-vault.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const PLAIN = Buffer.alloc(100, 0x61);
// Plain: of no key.
PLAIN[3] = 0;
const OF = { tenant: 't:acme', name: 'acme/k' };

/** Records in memory, shared by the instances of a test; may be made to fail. */
class Records implements TenantKeyStore {
  readonly records = new Map<string, string>();
  changes = 0;
  away = false;
  reads = 0;
  wait: Promise<void> | undefined;

  constructor(readonly clock: FakeClock) {}

  revision(): Promise<string> {
    return this.#answer(() => String(this.changes));
  }

  async read(
    tenants: readonly string[],
  ): Promise<{ now: number; records: (string | undefined)[] }> {
    this.reads++;
    const answer = await this.#answer(() => ({
      now: this.clock.now(),
      records: tenants.map((tenant) => this.records.get(tenant)),
    }));
    await this.wait;
    return answer;
  }

  swap(tenant: string, old: string | undefined, record: string): Promise<boolean> {
    return this.#answer(() => {
      if (this.records.get(tenant) !== old) return false;
      this.records.set(tenant, record);
      if (old !== undefined) this.changes++;
      return true;
    });
  }

  tenants(): Promise<{ tenants: readonly string[]; end: undefined }> {
    return this.#answer(() => ({ tenants: [...this.records.keys()], end: undefined }));
  }

  async #answer<T>(answer: () => T): Promise<T> {
    if (this.away) throw new Error('away: secret-of-the-driver');
    return answer();
  }
}

const clock = new FakeClock();
const vaults: KeyVault[] = [];
const erased: string[] = [];
afterEach(() => {
  for (const vault of vaults.splice(0)) vault.close();
  erased.length = 0;
});

function masters(...ids: readonly string[]): MasterKeys {
  return {
    current: ids.at(-1)!,
    keys: Object.fromEntries(ids.map((id) => [id, randomBytes(32)])),
  };
}

async function vaultOver(store: TenantKeyStore, masterKeys: () => MasterKeys): Promise<KeyVault> {
  const events = { erased: (tenant: string): void => void erased.push(tenant) };
  const vault = new KeyVault('shop', { masterKeys, required: true }, store, clock, events);
  vaults.push(vault);
  await vault.open();
  return vault;
}

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 200; turns++) await Promise.resolve();
};

async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    clock.advance(100);
    await settle();
  }
}

describe('keys of a tenant', () => {
  it('are made once, whoever comes first, and are the same for all', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const both = await Promise.all([vaultOver(store, () => keys), vaultOver(store, () => keys)]);
    const ready = both.map(async (vault) => vault.ready(OF.tenant));
    expect(await Promise.all(ready)).toEqual([true, true]);
    const [one, other] = both;
    expect(other.unlock(OF, one.lock(OF, PLAIN)!)).toEqual(PLAIN);
    expect(one.ready(OF.tenant)).toBe(true);
  });

  it('are those of one tenant and one application alone', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const vault = await vaultOver(store, () => keys);
    await vault.ready('t:acme');
    // Somebody puts the record of one tenant in the place of another's.
    store.records.set('t:other', store.records.get('t:acme')!);
    await vault.ready('t:other');
    const bytes = vault.lock(OF, PLAIN)!;
    expect(typeof vault.unlock({ ...OF, tenant: 't:other' }, bytes)).toBe('string');
    expect(JSON.parse(store.records.get('t:other')!)).toMatchObject({ last: 2 });
  });

  it('are used for 5 s after their store has confirmed them last, and not a moment longer', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const vault = await vaultOver(store, () => keys);
    await vault.ready(OF.tenant);
    const bytes = vault.lock(OF, PLAIN)!;
    await pass(20_000);
    expect(vault.unlock(OF, bytes)).toEqual(PLAIN);
    store.away = true;
    // The last word of the store is at most 2 s old.
    await pass(2_900);
    expect(vault.unlock(OF, bytes)).toEqual(PLAIN);
    await pass(2_200);
    expect(vault.unlock(OF, bytes)).toBe('unknown-key');
    expect(vault.lock(OF, PLAIN)).toBeUndefined();
    expect(await vault.ready(OF.tenant)).toBe(false);
    expect(vault.stats()).toMatchObject({ tenants: 0, trouble: expect.any(String) });
    store.away = false;
    await pass(1_000);
    expect(await vault.ready(OF.tenant)).toBe(true);
    expect(vault.unlock(OF, bytes)).toEqual(PLAIN);
  });

  it('are asked of a store that fails twice a second at most, and nobody waits for one that is silent', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const vault = await vaultOver(store, () => keys);
    store.away = true;
    for (let times = 0; times < 100; times++) expect(await vault.ready(OF.tenant)).toBe(false);
    expect(store.reads).toBe(1);
    store.away = false;
    let answer!: () => void;
    store.wait = new Promise((resolve) => (answer = resolve));
    clock.advance(600);
    const waiting = vault.ready(OF.tenant);
    await pass(300);
    expect(await waiting).toBe(false);
    answer();
    await settle();
    expect(vault.ready(OF.tenant)).toBe(true);
  });
});

describe('a secret that is destroyed', () => {
  it('is dropped by who destroys it at once, and by the others within 5 s, with what memory holds', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const [one, other] = [await vaultOver(store, () => keys), await vaultOver(store, () => keys)];
    for (const vault of [one, other]) await vault.ready(OF.tenant);
    const bytes = one.lock(OF, PLAIN)!;
    await one.erase(OF.tenant);
    expect(one.unlock(OF, bytes)).toBe('unknown-key');
    expect(erased).toEqual([OF.tenant]);
    await pass(2_100);
    expect(other.unlock(OF, bytes)).toBe('unknown-key');
    expect(erased).toEqual([OF.tenant, OF.tenant]);
    expect(store.records.get(OF.tenant)).not.toContain('wrapped');
    // What is written from now on has another key.
    for (const vault of [one, other]) expect(await vault.ready(OF.tenant)).toBe(true);
    expect(other.unlock(OF, one.lock(OF, PLAIN)!)).toEqual(PLAIN);
    for (const vault of [one, other]) expect(vault.unlock(OF, bytes)).toBe('unknown-key');
  });

  it('does not come back by an answer that was on its way', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const vault = await vaultOver(store, () => keys);
    await vault.ready(OF.tenant);
    const bytes = vault.lock(OF, PLAIN)!;
    // Everything is read again with the next look, and the answer is late.
    store.changes++;
    let answer!: () => void;
    store.wait = new Promise((resolve) => (answer = resolve));
    await pass(2_000);
    store.wait = undefined;
    await vault.erase(OF.tenant);
    answer();
    await settle();
    expect(vault.unlock(OF, bytes)).toBe('unknown-key');
  });

  it('is noticed by an instance that could not ask meanwhile', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const [one, other] = [await vaultOver(store, () => keys), await vaultOver(store, () => keys)];
    for (const vault of [one, other]) await vault.ready(OF.tenant);
    store.away = true;
    await pass(10_000);
    store.away = false;
    await one.erase(OF.tenant);
    erased.length = 0;
    await pass(2_000);
    await other.ready(OF.tenant);
    expect(erased).toEqual([OF.tenant]);
  });
});

describe('rotation', () => {
  it('writes with the new key everywhere within 5 s, and opens the old for as long as it is asked to', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const [one, other] = [await vaultOver(store, () => keys), await vaultOver(store, () => keys)];
    for (const vault of [one, other]) await vault.ready(OF.tenant);
    const old = one.lock(OF, PLAIN)!;
    await one.rotate(OF.tenant, 60_000);
    expect(one.lock(OF, PLAIN)![3]).toBe(2);
    expect(one.isAged(OF.tenant, 1)).toBe(true);
    await pass(2_100);
    expect(other.lock(OF, PLAIN)![3]).toBe(2);
    for (const vault of [one, other]) expect(vault.unlock(OF, old)).toEqual(PLAIN);
    expect(erased).toEqual([]);
    await pass(60_000);
    for (const vault of [one, other]) expect(vault.unlock(OF, old)).toBe('unknown-key');
    await pass(2_100);
    expect(JSON.parse(store.records.get(OF.tenant)!)).toMatchObject({
      last: 2,
      secrets: [{ id: 2 }],
    });
    expect(erased).toEqual([]);
  });

  it('ends the old key at its time, also between two looks at the store', async () => {
    const store = new Records(clock);
    const keys = masters('m1');
    const vault = await vaultOver(store, () => keys);
    await vault.ready(OF.tenant);
    const old = vault.lock(OF, PLAIN)!;
    await vault.rotate(OF.tenant, 3_000);
    await pass(2_900);
    expect(vault.unlock(OF, old)).toEqual(PLAIN);
    await pass(100);
    expect(vault.unlock(OF, old)).toBe('unknown-key');
  });

  it('of the master key wraps anew, and the former one is needed no more', async () => {
    const store = new Records(clock);
    const all = masters('m1', 'm2');
    let given: MasterKeys = { current: 'm1', keys: { m1: all.keys.m1 } };
    const vault = await vaultOver(store, () => given);
    await vault.ready(OF.tenant);
    const bytes = vault.lock(OF, PLAIN)!;
    given = { ...all, current: 'm2' };
    await pass(65_000);
    expect(store.records.get(OF.tenant)).toContain('"master":"m2"');
    given = { current: 'm2', keys: { m2: all.keys.m2 } };
    const late = await vaultOver(store, () => given);
    await late.ready(OF.tenant);
    expect(late.unlock(OF, bytes)).toEqual(PLAIN);
  });

  it('a secret whose master key is not known is left, and another one is begun', async () => {
    const store = new Records(clock);
    const [first, second] = [masters('m1'), masters('m2')];
    const [one, other] = [
      await vaultOver(store, () => first),
      await vaultOver(store, () => second),
    ];
    for (const vault of [one, other]) await vault.ready(OF.tenant);
    await pass(10_000);
    // Each writes what it can read, and neither destroys the other's.
    expect([one, other].map((vault) => vault.lock(OF, PLAIN)![3])).toEqual([1, 2]);
    expect(JSON.parse(store.records.get(OF.tenant)!)).toMatchObject({ last: 2 });
  });
});

describe('the callback of the master keys', () => {
  const good = masters('m1');

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'hunter2-hunter2'],
    ['no keys', { current: 'm1' }],
    ['a short key', { current: 'm1', keys: { m1: Buffer.from('hunter2-hunter2') } }],
    ['a key as text', { current: 'm1', keys: { m1: 'hunter2-hunter2-hunter2-hunter2-' } }],
    ['a current key that is not there', { current: 'm2', keys: good.keys }],
  ])('that returns %s stops the boot by name, and shows nothing', async (_what, given) => {
    const failed = await vaultOver(new Records(clock), () => given as MasterKeys).catch(
      (error: unknown) => error as Error,
    );
    expect(failed).toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    expect(inspect(failed, { depth: 9, showHidden: true })).not.toContain('hunter2');
  });

  it('that throws does not stop the boot, and is asked again', async () => {
    let away = true;
    const vault = await vaultOver(new Records(clock), () => {
      if (away) throw new Error('kms: hunter2');
      return good;
    });
    expect(await vault.ready(OF.tenant)).toBe(false);
    expect(JSON.stringify(vault.stats())).not.toContain('hunter2');
    away = false;
    await pass(6_000);
    expect(await vault.ready(OF.tenant)).toBe(true);
  });

  it('that fails later leaves what was known', async () => {
    const answers: (() => MasterKeys)[] = [
      () => good,
      () => {
        throw new Error('kms');
      },
      () => ({ current: 'x', keys: {} }),
    ];
    const vault = await vaultOver(new Records(clock), () => (answers.shift() ?? (() => good))());
    await vault.ready(OF.tenant);
    await pass(130_000);
    expect(vault.ready(OF.tenant)).toBe(true);
    expect(answers).toEqual([]);
  });

  it('and the secrets are in no text that anybody could make of a vault', async () => {
    const store = new Records(clock);
    const vault = await vaultOver(store, () => good);
    await vault.ready(OF.tenant);
    const text = inspect(vault, { depth: 20, showHidden: true }) + JSON.stringify(vault.stats());
    const key = Buffer.from(good.keys.m1);
    for (const form of [key.toString('hex'), key.toString('base64'), key.toString('latin1')])
      expect(text).not.toContain(form);
    store.away = true;
    const failed = await vault.erase(OF.tenant).catch((error: unknown) => error);
    expect(inspect(failed, { depth: 9 })).not.toContain('secret-of-the-driver');
  });
});
