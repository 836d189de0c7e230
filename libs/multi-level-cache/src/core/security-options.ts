/** What an application may say about security, and what the parts get once it has been checked. No checking here. */
import type { AuditConfig, AuditOptions } from './audit-options.js';
import type { Size } from './size.js';
import type { BackplaneConfig } from './backplane-options.js';
import type { CachePolicy, SecurityContext } from './security.js';
import type {
  EncryptionConfig,
  EncryptionOptions,
  Integrity,
  NameSecretProvider,
} from './encryption-options.js';

/**
 * Whether calls name a tenant: nobody has to, and nothing is made of who does not say whose entry he means (`'off'`); a call
 * without one is public (`'optional'`); or it is refused (`'required'`).
 */
export type Tenancy = 'off' | 'optional' | 'required';

/** Options of `security`. */
export interface SecurityConfig {
  /**
   * On, each decorated method must say whose its entries are (`scope`), and a loader that reads more of its caller's identity
   * than that is refused. @defaultValue `'off'`
   */
  readonly tenancy?: Tenancy;
  /**
   * Who makes a request, from what the HTTP server got; asked once for each request, whose handlers run in that context.
   * `undefined` = nobody. What it throws fails the request.
   */
  readonly resolve?: (
    request: never,
  ) => SecurityContext | undefined | Promise<SecurityContext | undefined>;
  /** Where the context of a call comes from if none was entered here, such as from nestjs-cls; asked at every call. */
  readonly context?: () => SecurityContext | undefined;
  /** Who may do what within a tenant. @defaultValue everybody may everything */
  readonly policy?: CachePolicy;
  /** What one tenant may take, so that it cannot starve the others; entries of everybody are not counted. @defaultValue no bounds */
  readonly quotas?: QuotaConfig;
  /** Values in L2 and L3 are encrypted (AES-256-GCM), with a secret for each tenant. @defaultValue `false` */
  readonly encryption?: false | EncryptionConfig;
  /** With encryption on: whether values that are not encrypted are refused. @defaultValue `'required'` with encryption */
  readonly integrity?: Integrity;
  /** Names of caches whose values are never held in this process's memory, which is not encrypted. @defaultValue none */
  readonly noL1?: readonly string[];
  /**
   * Names of entries in Redis and rows in PostgreSQL are made from an HMAC of the key under this secret, so that who reads the
   * stores cannot tell or guess the keys. Messages between instances and debts, which name keys, are sealed under it, unless
   * `backplane` has a secret of its own. Another secret means an empty L2 and L3.
   * @defaultValue `false`
   */
  readonly hideKeys?: false | NameSecretProvider;
  /** Who did what, in chains that show whether they were tampered with. @defaultValue `false` */
  readonly audit?: false | AuditConfig;
  /**
   * Messages between instances, and what they owe each other, are sealed (AES-256-GCM): forged, changed and replayed ones are
   * refused and counted in `stats().tiers.*.corrupt`. All instances need the same secret at the same time.
   * @defaultValue `false`; sealed under the secret of `hideKeys` where that is on
   */
  readonly backplane?: false | BackplaneConfig;
}

/** What each tenant may take at most. */
export interface QuotaConfig {
  /** Share of L1, 0 … 1: beyond it the tenant's own oldest entries go. @defaultValue 1 */
  readonly l1?: number;
  /** Rough bytes in L3: beyond it the tenant's own entries go that are soonest to die. @defaultValue none */
  readonly l3?: Size;
  /**
   * Loads a second, and at most so many at once. Beyond it a stale value stands in, or the call rejects with
   * `CACHE_LOAD_SHED`. @defaultValue none
   */
  readonly loads?: number;
}

/** Checked security options. */
export interface SecurityOptions {
  readonly tenancy: Tenancy;
  readonly resolve?: SecurityConfig['resolve'];
  readonly context?: SecurityConfig['context'];
  readonly policy?: CachePolicy | undefined;
  readonly quotas?: QuotaOptions | undefined;
  readonly encryption?: false | EncryptionOptions;
  readonly noL1?: readonly string[];
  readonly hideKeys?: false | NameSecretProvider | undefined;
  /** `undefined` = off. */
  readonly audit?: AuditOptions | undefined;
  readonly backplane?: BackplaneConfig | undefined;
}

/** Checked quotas; sizes in bytes. */
export interface QuotaOptions {
  readonly l1?: number | undefined;
  readonly l3?: number | undefined;
  readonly loads?: number | undefined;
}
