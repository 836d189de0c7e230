/** Keys of one application: made where encryption is on, there before anything is stored, and what is forgotten with them. */
import type { Clock, Timer } from '../core/clock.js';
import { CacheError } from '../core/errors.js';
import { clearTag, Scope } from '../core/key.js';
import type { ResolvedOptions } from '../core/options.js';
import type { Change, Tier } from '../core/tier.js';
import { KeyVault } from '../security/vault/key-vault.js';
import { CacheVault } from './cache-vault.js';
import { inSlices } from './in-slices.js';
import type { Parts } from './parts.js';
import type { WritePath } from './write-path.js';

const FIRST_ANSWER_MS = 1_000;

/** What it works on, known when the application is put together. */
export interface KeyHolder {
  readonly clock: Clock;
  readonly parts: Parts;
  readonly writes: WritePath;
  /** By name. */
  readonly caches: ReadonlyMap<string, unknown>;
}

export class ApplicationKeys {
  /** `undefined` = encryption is off. */
  readonly vault: KeyVault | undefined;
  /** For the application. */
  readonly verbs: CacheVault;

  constructor(
    options: ResolvedOptions,
    lower: { readonly l2: Tier | null; readonly l3: Tier | null },
    readonly holder: KeyHolder,
  ) {
    this.vault = vaultOf(options, lower, holder.clock, (tenant) => this.#forget(tenant));
    this.verbs = new CacheVault(
      this.vault,
      (tenant) => holder.writes.write(this.#everythingOf(tenant), false),
      (what, tenant, failed) => holder.parts.audit?.keys(what, tenant, failed),
    );
  }

  /** A callback that gives no keys stops the boot; one that is late does not. */
  async open(vault: KeyVault): Promise<void> {
    let late: Timer | undefined;
    const opened = vault.open();
    opened.catch(() => undefined);
    const soon = new Promise<void>((resolve) => {
      late = this.holder.clock.after(FIRST_ANSWER_MS, resolve);
    });
    await Promise.race([opened, soon]).finally(() => late?.cancel());
  }

  /** The secret of the tenant is gone, here or elsewhere: memory answers no more at once, and is empty soon. */
  #forget(tenant: string): void {
    const { caches, clock, parts } = this.holder;
    const { background, l1, namespace, rules, tags } = parts;
    tags.bump(tenant, this.#everythingOf(tenant).tags);
    if (!l1) return;
    for (const cache of caches.keys()) {
      const steps = l1.empty(new Scope(namespace, tenant, cache, rules));
      background.run(() => inSlices(clock, steps));
    }
  }

  #everythingOf(tenant: string): Extract<Change, { kind: 'tags' }> {
    return { kind: 'tags', tenant, tags: Array.from(this.holder.caches.keys(), clearTag) };
  }
}

/** Secrets are kept where the application says, else in the store that is the most durable. */
function vaultOf(
  { namespace, security }: ResolvedOptions,
  { l2, l3 }: { readonly l2: Tier | null; readonly l3: Tier | null },
  clock: Clock,
  erased: (tenant: string) => void,
): KeyVault | undefined {
  const encryption = security?.encryption;
  if (!encryption || (!l2 && !l3)) return undefined;
  const store = encryption.tenantKeys ?? l3?.keys ?? l2?.keys;
  if (store) return new KeyVault(namespace, encryption, store, clock, { erased });
  // Nothing is to leave the process as it is because there is no place for keys.
  throw new CacheError(
    'CACHE_CONFIG_INVALID',
    'security.encryption needs tenantKeys: neither tier can keep keys',
  );
}
