/** What an application may say about encryption, and what the parts get once it has been checked. No checking here. */
import type { MaybePromise } from './tier.js';
import type { TenantKeyStore } from './vault.js';

/** Keys that wrap the secrets of tenants. */
export interface MasterKeys {
  /** Id of the key that is wrapped with. */
  readonly current: string | number;
  /** Every key that something may still be wrapped with, by id: 32 bytes each. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
}

/** Asked at boot, once a minute, and when a secret is met whose master key is not known. */
export type MasterKeyProvider = () => MaybePromise<MasterKeys>;

/** Asked once, at boot: a text or bytes, at least 16 of them. All instances of an application need the same. */
export type NameSecretProvider = () => MaybePromise<string | Uint8Array>;

/** Options of `security.encryption`. */
export interface EncryptionConfig {
  /**
   * Master keys, from a KMS or a secret store. Nothing of them is ever stored, shown or told.
   *
   * @example
   * masterKeys: async () => ({ current: '2026', keys: { 2025: await secret('mk-2025'), 2026: await secret('mk-2026') } })
   */
  readonly masterKeys: MasterKeyProvider;
  /** Where wrapped secrets are kept. @defaultValue PostgreSQL where L3 is on, else Redis */
  readonly tenantKeys?: TenantKeyStore;
}

/** Checked options of encryption. */
export interface EncryptionOptions {
  readonly masterKeys: MasterKeyProvider;
  readonly tenantKeys?: TenantKeyStore | undefined;
  /** Only encrypted values are taken. */
  readonly required: boolean;
}

/** `'required'`: what is not encrypted is refused and counted; `'off'`: it is taken, while a fleet is being changed over. */
export type Integrity = 'off' | 'required';
