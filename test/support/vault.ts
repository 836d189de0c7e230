/** A vault for tests of one tier, with the keys of the tenants they use at hand. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../libs/multi-level-cache/src/core/clock.js';
import type { MasterKeys } from '../../libs/multi-level-cache/src/core/encryption-options.js';
import type { ScopeRules } from '../../libs/multi-level-cache/src/core/key.js';
import type { TenantKeyStore } from '../../libs/multi-level-cache/src/core/vault.js';
import { ODD_TENANTS } from '../../libs/multi-level-cache/src/testing/contract-values.js';
import { KeyVault } from '../../libs/multi-level-cache/src/security/vault/key-vault.js';

/** Tenants of the tier contract. */
const TENANTS = new Set(['p', 't:a', 't:b', 't:new', ...ODD_TENANTS]);

/** A master key of its own, as a callback gives it. */
export function masterKeys(...ids: readonly string[]): MasterKeys {
  const names = ids.length > 0 ? ids : ['m1'];
  const keys = Object.fromEntries(names.map((id) => [id, randomBytes(32)]));
  return { current: names.at(-1)!, keys };
}

export async function openVault(
  namespace: string,
  store: TenantKeyStore,
  clock: Clock,
): Promise<KeyVault> {
  const keys = masterKeys();
  const options = { masterKeys: () => keys, required: true };
  const vault = new KeyVault(namespace, options, store, clock, { erased: () => undefined });
  await vault.open();
  for (const tenant of TENANTS)
    if (!(await vault.ready(tenant))) throw new Error(`no keys for ${tenant}`);
  return vault;
}

export function rulesWith(vault: KeyVault | undefined): ScopeRules {
  return { groups: [], types: new Map(), vault };
}
