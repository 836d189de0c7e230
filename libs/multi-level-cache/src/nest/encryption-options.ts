/** Checks the options of encryption. What they hold is never shown. */
import type {
  EncryptionOptions,
  Integrity,
  MasterKeyProvider,
  NameSecretProvider,
} from '../core/encryption-options.js';
import { NAME_PATTERN } from '../core/key.js';
import type { SecurityOptions } from '../core/security-options.js';
import type { TenantKeyStore } from '../core/vault.js';
import { Section, type Rule } from './faults.js';
import { callback } from './option-rules.js';

/** @param hasLower - there is an L2 or an L3. */
export function readEncryption(
  section: Section,
  hasLower: boolean,
): Pick<SecurityOptions, 'encryption' | 'hideKeys' | 'noL1'> {
  const given = section.given('encryption');
  const integrity = section.optional('integrity', INTEGRITY);
  const noL1 = section.optional('noL1', NAMES) ?? [];
  const hideKeys =
    section.given('hideKeys') === false ? false : section.optional('hideKeys', SECRET);
  const off = given === undefined || given === false;
  if (!hasLower && !off) section.fault('encryption', 'given', LOWER);
  if (!hasLower && noL1.length > 0) section.fault('noL1', 'given', LOWER);
  if (off && integrity === 'required')
    section.fault(
      'integrity',
      "'required'",
      'with encryption on: it is the encryption that proves it',
    );
  return { encryption: off ? false : readKeys(section, given, integrity), hideKeys, noL1 };
}

function readKeys(
  parent: Section,
  given: unknown,
  integrity: Integrity = 'required',
): EncryptionOptions {
  const section = new Section(parent.faults, given, 'security.encryption');
  const masterKeys = section.optional('masterKeys', PROVIDER);
  if (section.given('masterKeys') === undefined)
    section.fault('masterKeys', 'left out', PROVIDER.allowed);
  const tenantKeys = section.optional('tenantKeys', STORE);
  section.end();
  // Without one there is a fault, and nothing is made of this.
  return { masterKeys: masterKeys!, tenantKeys, required: integrity === 'required' };
}

const LOWER = 'with l2 or l3 on';

const INTEGRITY: Rule<Integrity> = {
  read: (value) => (value === 'off' || value === 'required' ? value : undefined),
  allowed: "'off', 'required'",
};

const NAMES: Rule<readonly string[]> = {
  read: (value) =>
    Array.isArray(value) &&
    value.every((name) => typeof name === 'string' && NAME_PATTERN.test(name))
      ? (value as string[])
      : undefined,
  allowed: 'a list of names of caches',
};

const PROVIDER: Rule<MasterKeyProvider> = callback(
  'returns { current, keys }, each key of 32 bytes',
);

const SECRET: Rule<NameSecretProvider> = callback(
  'returns a secret of at least 16 bytes, or false',
);

const METHODS = ['read', 'revision', 'swap', 'tenants'] as const;

const STORE: Rule<TenantKeyStore> = {
  read: (value) =>
    METHODS.every((name) => typeof (value as TenantKeyStore | null)?.[name] === 'function')
      ? (value as TenantKeyStore)
      : undefined,
  allowed: `an object with ${METHODS.join(', ')}`,
  secret: true,
};
