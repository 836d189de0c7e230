/** Encryption as the envelope and the tiers see it: bytes go in and out, keys stay where they are. */

/** Why bytes of a sealed entry were not opened; each is a miss. */
export type Refusal =
  /** Its key is not known here: destroyed, of another application, or from the future. */
  | 'unknown-key'
  /** It was changed, cut off, or put under another key, cache or tenant. */
  | 'tampered'
  /** It is not encrypted, and only what is encrypted is taken. */
  | 'unsigned';

/** A refused entry, for counters and audits; `hash` stands for its key. */
export interface Refused {
  readonly reason: Refusal;
  /** `p` (public) or `t:` + tenant id. */
  readonly tenant: string;
  readonly cache: string;
  readonly hash: string;
}

/** Whose bytes: the names that are bound into the seal. */
export interface SealedName {
  readonly tenant: string;
  /** Scope and key in full, injective. */
  readonly name: string;
}

/** Closes and opens envelopes with the keys of their tenants. Nothing here waits, and nothing throws. */
export interface Vault {
  /** Whether only encrypted values are taken. */
  readonly required: boolean;
  /**
   * `true`: the keys of the tenant are at hand. Else whether they could be had, soon: never rejects, never hangs. Without them
   * the lower tiers are left out.
   */
  ready(tenant: string): true | Promise<boolean>;
  /** Encrypts a plain envelope; `undefined` = there is no key. */
  lock(of: SealedName, plain: Buffer): Buffer | undefined;
  /** The plain envelope in encrypted bytes. */
  unlock(of: SealedName, bytes: Buffer): Buffer | 'unknown-key' | 'tampered';
  /** Whether a key of this id is not the one that is written with. */
  isAged(tenant: string, keyId: number): boolean;
  /** Counts a refused entry and tells of it. */
  refuse(refused: Refused): void;
}

/**
 * Where wrapped secrets of tenants are kept: small texts by tenant, shared by all instances. PostgreSQL where L3 is on, else
 * Redis, or a store of one's own.
 *
 * Guarantee to be kept: what `swap` has replaced or removed is not returned by any later `read`, on any instance.
 */
export interface TenantKeyStore {
  /** Changes whenever a record that was there is replaced. Cheap: every instance asks every two seconds. */
  revision(): Promise<string>;
  /** Records of these tenants in their order, and the time of the store, ms since 1970. */
  read(
    tenants: readonly string[],
  ): Promise<{ readonly now: number; readonly records: readonly (string | undefined)[] }>;
  /** Replaces a record if it is still `old` (`undefined` = there is none), in one step; whether it did. */
  swap(tenant: string, old: string | undefined, record: string): Promise<boolean>;
  /** Some tenants with a record, in an order of the store's; `after` = where the last page ended; an end of `undefined` = all. */
  tenants(
    after?: string,
  ): Promise<{ readonly tenants: readonly string[]; readonly end: string | undefined }>;
}
