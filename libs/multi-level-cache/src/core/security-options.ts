/** What an application may say about security, and what the parts get once it has been checked. No checking here. */
import type {
  EncryptionConfig,
  EncryptionOptions,
  Integrity,
  NameSecretProvider,
} from './encryption-options.js';

/**
 * Whether calls name a tenant: nobody does (`'off'`), a call without one is public (`'optional'`), or it is refused
 * (`'required'`).
 */
export type Tenancy = 'off' | 'optional' | 'required';

/** Options of `security`. */
export interface SecurityConfig {
  /** @defaultValue `'off'` */
  readonly tenancy?: Tenancy;
  /** Values in L2 and L3 are encrypted (AES-256-GCM), with a secret for each tenant. @defaultValue `false` */
  readonly encryption?: false | EncryptionConfig;
  /** With encryption on: whether values that are not encrypted are refused. @defaultValue `'required'` with encryption */
  readonly integrity?: Integrity;
  /** Names of caches whose values are never held in this process's memory, which is not encrypted. @defaultValue none */
  readonly noL1?: readonly string[];
  /**
   * Names of entries in Redis and rows in PostgreSQL are made from an HMAC of the key under this secret, so that who reads the
   * stores cannot tell or guess the keys. Another secret means an empty L2 and L3. Messages between instances still name keys.
   * @defaultValue `false`
   */
  readonly hideKeys?: false | NameSecretProvider;
}

/** Checked security options. */
export interface SecurityOptions {
  readonly tenancy: Tenancy;
  readonly encryption?: false | EncryptionOptions;
  readonly noL1?: readonly string[];
  readonly hideKeys?: false | NameSecretProvider | undefined;
}
