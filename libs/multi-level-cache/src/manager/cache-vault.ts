/** What an application can do with its keys: rotate them, destroy a tenant's, and see what was refused. */
import { duration, invalid } from '../core/entry-options.js';
import type { Duration } from '../core/duration.js';
import { CacheError } from '../core/errors.js';
import { tenantName, textFault } from '../core/key.js';
import type { Refused } from '../core/vault.js';
import type { KeyVault, VaultStats } from '../security/vault/key-vault.js';

/** Hears of every change to keys; without a tenant, of all of them. */
export type TellKeys = (
  what: 'key-rotation' | 'tenant-erasure',
  tenant: string | undefined,
  failed: boolean,
) => void;

const OVERLAP_MS = 3_600_000;

/** Options of `rotate`. */
export interface RotateOptions {
  /**
   * How long what was sealed before can still be opened; it is sealed anew when it is read. 0 = not at all, from within 5 s on.
   * @defaultValue `'1h'`
   */
  readonly overlap?: Duration;
}

/**
 * Keys of the encryption at rest. Injectable where the module is imported; its verbs are an operator's, not a request's.
 *
 * Errors: `CACHE_CONFIG_INVALID` where encryption is off, `CACHE_TIER_UNAVAILABLE` where the store of keys or the master keys cannot
 * be had: then nothing is promised to have changed, and the verb can be called again.
 *
 * @example
 * class Offboarding {
 *   constructor(private readonly vault: CacheVault) {}
 *
 *   async forget(tenantId: string): Promise<void> {
 *     await this.vault.erase(tenantId);
 *   }
 * }
 */
export class CacheVault {
  readonly #vault: KeyVault | undefined;
  readonly #clear: (tenant: string) => Promise<unknown>;
  readonly #tell: TellKeys;

  constructor(
    vault: KeyVault | undefined,
    clear: (tenant: string) => Promise<unknown>,
    tell: TellKeys = () => undefined,
  ) {
    this.#vault = vault;
    this.#clear = clear;
    this.#tell = tell;
  }

  /** Whether encryption is on. */
  get on(): boolean {
    return this.#vault !== undefined;
  }

  /**
   * A new secret for a tenant, or for what belongs to none: every instance writes with it within 5 s. No request fails; what
   * cannot be opened any more after `overlap` is loaded anew.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`
   */
  async rotate(tenantId?: string, options: RotateOptions = {}): Promise<void> {
    const { overlap = OVERLAP_MS } = options;
    await this.#told('key-rotation', tenantOf(tenantId), (vault, tenant) =>
      vault.rotate(tenant, duration(overlap, 'overlap')),
    );
  }

  /**
   * Asks for the master keys, and wraps every secret by the current one; says how many had to be changed. When it has
   * resolved the other master keys can be taken away.
   */
  async rotateMaster(): Promise<number> {
    return this.#told('key-rotation', undefined, (vault) => vault.rewrap());
  }

  /**
   * Destroys the secret of a tenant: nothing that L2, L3 and copies of them hold of it can be opened again. Instances let go of it
   * in memory too, within 5 s. The tenant goes on with a new secret.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`
   */
  async erase(tenantId?: string): Promise<void> {
    await this.#told('tenant-erasure', tenantOf(tenantId), async (vault, tenant) => {
      await vault.erase(tenant);
      await this.#clear(tenant);
    });
  }

  /** Tells of every entry that was refused; the returned function ends that. */
  onRefused(listener: (refused: Refused) => void): () => void {
    return this.#vault?.refusals.listen(listener) ?? ((): void => undefined);
  }

  /** `undefined` where encryption is off. */
  stats(): VaultStats | undefined {
    return this.#vault?.stats();
  }

  /** Told also where it failed: it may have been done in part. */
  async #told<K extends string | undefined, R>(
    what: Parameters<TellKeys>[0],
    tenant: K,
    work: (vault: KeyVault, tenant: K) => Promise<R>,
  ): Promise<R> {
    if (!this.#vault) throw new CacheError('CACHE_CONFIG_INVALID', 'security.encryption is off');
    let failed = true;
    try {
      const result = await work(this.#vault, tenant);
      failed = false;
      return result;
    } finally {
      this.#tell(what, tenant, failed);
    }
  }
}

function tenantOf(tenantId: string | undefined): string {
  const fault = tenantId === undefined ? undefined : textFault(tenantId);
  if (fault) throw invalid('tenantId', fault);
  return tenantName(tenantId);
}
