/** Sealed envelopes: what comes back is what went in, and whatever was touched, moved, cut off or is from elsewhere is refused. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HEADER, type Header } from '../../src/core/envelope.js';
import { Address, Scope } from '../../src/core/key.js';
import { isAged, openFor, resealed, sealFor } from '../../src/core/sealed.js';
import { inspect } from '../../src/core/value.js';
import type { Refused, SealedName, Vault } from '../../src/core/vault.js';
import { lock, OVERHEAD, unlock } from '../../src/security/vault/seal.js';

const HEAD: Header = {
  createdAt: 1_700_000_000_000,
  ttl: 60_000,
  grace: 3_600_000,
  loadMs: 12,
  n0: 77,
  epoch: 5,
  tags: ['patient:7'],
  etag: 'v1',
};

/** A vault over keys that a test gives: the newest one writes. */
class TestVault implements Vault {
  readonly refused: Refused[] = [];

  constructor(
    readonly keys: Record<string, Map<number, ReturnType<typeof newKey>>>,
    readonly required = true,
  ) {}

  ready(): true {
    return true;
  }

  lock({ tenant, name }: SealedName, plain: Buffer): Buffer | undefined {
    const newest = [...(this.keys[tenant] ?? [])].at(-1);
    return newest && lock(newest[1], newest[0], name, plain);
  }

  unlock({ tenant, name }: SealedName, bytes: Buffer): Buffer | 'unknown-key' | 'tampered' {
    const key = this.keys[tenant]?.get(bytes[3]);
    return key ? (unlock(key, name, bytes) ?? 'tampered') : 'unknown-key';
  }

  isAged(tenant: string, keyId: number): boolean {
    return [...(this.keys[tenant]?.keys() ?? [])].at(-1) !== keyId;
  }

  refuse(refused: Refused): void {
    this.refused.push(refused);
  }
}

const newKey = (): ReturnType<typeof createSecretKey> => createSecretKey(randomBytes(32));

function place(vault: Vault, key = 'patient:7', cache = 'files', tenant = 't:acme'): Address {
  const rules = { groups: [], types: new Map(), vault };
  return new Address(new Scope('clinic', tenant, cache, rules), key);
}

function sealedAt(address: Address, value: unknown = { diagnosis: 'gout' }, head = HEAD): Buffer {
  return sealFor(address, { value, shape: inspect(value) }, head)!;
}

const acme = (): TestVault => new TestVault({ 't:acme': new Map([[1, newKey()]]) });

describe('a sealed envelope', () => {
  it('comes back with everything it said, and shows nothing of its value, tags and etag', () => {
    const address = place(acme());
    const bytes = sealedAt(address);
    expect(openFor(address, bytes)).toMatchObject({ ...HEAD, value: { diagnosis: 'gout' } });
    for (const text of ['gout', 'diagnosis', 'patient', 'v1'])
      expect(bytes.includes(text)).toBe(false);
    expect(bytes[3]).toBe(1);
  });

  it.each([0, 1, 1_024, 10_240, 300_000])('keeps a value of %i bytes', (size) => {
    const address = place(acme());
    const value = randomBytes(size);
    expect(openFor(address, sealedAt(address, value))).toMatchObject({ value });
  });

  it('is refused with any single bit changed, and each is counted', () => {
    const vault = acme();
    const address = place(vault);
    const bytes = sealedAt(address);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const touched = Buffer.from(bytes);
      touched[bit >> 3] ^= 1 << (bit & 7);
      expect(typeof openFor(address, touched), `bit ${bit}`).toBe('string');
      expect(vault.refused, `bit ${bit}`).toHaveLength(bit + 1);
    }
  });

  it('is refused cut off anywhere, and with anything behind it', () => {
    const vault = acme();
    const address = place(vault);
    const bytes = sealedAt(address);
    for (let length = 0; length < bytes.length; length++)
      expect(typeof openFor(address, bytes.subarray(0, length)), `${length}`).toBe('string');
    expect(openFor(address, Buffer.concat([bytes, Buffer.alloc(1)]))).toBe('corrupt');
    expect(vault.refused).toHaveLength(bytes.length + 1);
  });

  it('is refused under another key, cache, tenant and application', () => {
    const key = newKey();
    // The same key for all: it is the name that tells them apart, not the secret.
    const vault = new TestVault({ 't:acme': new Map([[1, key]]), 't:other': new Map([[1, key]]) });
    const bytes = sealedAt(place(vault));
    const rules = { groups: [], types: new Map(), vault };
    const elsewhere = [
      place(vault, 'patient:8'),
      place(vault, 'patient:7', 'other'),
      place(vault, 'patient:7', 'files', 't:other'),
      new Address(new Scope('lab', 't:acme', 'files', rules), 'patient:7'),
    ];
    for (const address of elsewhere) {
      // Also where somebody has put in the fingerprint that belongs there.
      const moved = Buffer.from(bytes);
      moved.writeUInt32BE(address.fingerprint.high, 26);
      moved.writeUInt32BE(address.fingerprint.low, 30);
      expect(openFor(address, bytes)).toBe('corrupt');
      expect(openFor(address, moved)).toBe('corrupt');
    }
    expect(vault.refused.map(({ reason }) => reason)).toEqual(Array(8).fill('tampered'));
  });

  it('is refused from a future version, whoever has sealed it', () => {
    const vault = acme();
    const address = place(vault);
    const plain = vault.unlock({ tenant: 't:acme', name: address.name }, sealedAt(address));
    (plain as Buffer)[1] = 2;
    const future = vault.lock({ tenant: 't:acme', name: address.name }, plain as Buffer)!;
    expect(openFor(address, future)).toBe('corrupt');
  });

  it('of a key that is not known is a miss, and no sign of a fault in the tier', () => {
    const vault = acme();
    const address = place(vault);
    const bytes = sealedAt(address);
    vault.keys['t:acme'] = new Map([[2, newKey()]]);
    expect(openFor(address, bytes)).toBe('locked');
    expect(vault.refused).toEqual([
      { reason: 'unknown-key', tenant: 't:acme', cache: 'files', hash: address.hash },
    ]);
  });

  it('does not open where encryption is off, and is not made where there is no key', () => {
    const bytes = sealedAt(place(acme()));
    const plain = new Address(new Scope('clinic', 't:acme', 'files'), 'patient:7');
    expect(openFor(plain, bytes)).toBe('corrupt');
    expect(sealedAt(place(new TestVault({})))).toBeUndefined();
  });

  it('never repeats a nonce', () => {
    const address = place(acme());
    const nonces = new Set<string>();
    for (let at = 0; at < 20_000; at++)
      nonces.add(sealedAt(address, at).toString('hex', HEADER, HEADER + 12));
    expect(nonces.size).toBe(20_000);
  });

  it('adds a known number of bytes', () => {
    const plain = new Address(new Scope('clinic', 't:acme', 'files'), 'patient:7');
    expect(sealedAt(place(acme())).length - sealedAt(plain).length).toBe(OVERHEAD);
  });
});

describe('a plain envelope', () => {
  const plain = new Address(new Scope('clinic', 't:acme', 'files'), 'patient:7');

  it('is refused and counted where encryption is required', () => {
    const vault = acme();
    expect(openFor(place(vault), sealedAt(plain))).toBe('corrupt');
    expect(vault.refused.map(({ reason }) => reason)).toEqual(['unsigned']);
  });

  it('is taken while a fleet is changed over, and is to be sealed when it is next written', () => {
    const vault = new TestVault({ 't:acme': new Map([[1, newKey()]]) }, false);
    expect(openFor(place(vault), sealedAt(plain))).toMatchObject({ value: { diagnosis: 'gout' } });
  });
});

describe('sealing anew', () => {
  it('takes the newest key, another id of the write, and the times that are given', () => {
    const vault = acme();
    const address = place(vault);
    const old = sealedAt(address);
    vault.keys['t:acme'].set(2, newKey());
    expect(isAged(address, old)).toBe(true);
    const fresh = resealed(address, old, { ttl: 0, grace: 5_000 })!;
    expect(fresh[3]).toBe(2);
    expect(isAged(address, fresh)).toBe(false);
    expect(fresh.subarray(34, 42).equals(old.subarray(34, 42))).toBe(false);
    const opened = openFor(address, fresh);
    expect(opened).toMatchObject({ ...HEAD, ttl: 0, grace: 5_000, value: { diagnosis: 'gout' } });
  });

  it('is not done with what does not open', () => {
    const address = place(acme());
    const bytes = sealedAt(address);
    bytes[60] ^= 1;
    expect(resealed(address, bytes)).toBeUndefined();
  });
});
