/** Envelopes of one key: plain, or encrypted where the application has a vault. */
import { COMPRESS_FROM } from './compression.js';
import type { Entry } from './entry.js';
import {
  drawId,
  ENCRYPTION_OFFSET,
  open,
  relive,
  seal,
  type Header,
  type Opened,
} from './envelope.js';
import type { Address } from './key.js';
import type { Refusal, SealedName } from './vault.js';

/** What `openFor` says of bytes it does not open: not ours or changed, or sealed by a key that is not there. */
export type Unopened = 'corrupt' | 'locked';

/** Closes an entry's value into bytes; `undefined` = it would have to be encrypted, and there is no key. */
export function sealFor(
  address: Address,
  { value, shape }: Pick<Entry, 'value' | 'shape'>,
  header: Header,
  compressFrom = COMPRESS_FROM,
): Buffer | undefined {
  const { rules } = address.scope;
  const plain = seal(value, shape, header, address.fingerprint, rules.types, compressFrom);
  return rules.vault ? rules.vault.lock(nameOf(address), plain) : plain;
}

/** Opens bytes that were found under this key. */
export function openFor(address: Address, bytes: Buffer): Opened | Unopened {
  const { types, vault } = address.scope.rules;
  const plain = vault ? plainOf(address, bytes) : bytes;
  if (plain === 'unknown-key') return 'locked';
  if (typeof plain === 'string') return 'corrupt';
  return open(plain, address.fingerprint, types) ?? 'corrupt';
}

/** Whether bytes that could be opened are to be sealed again, for their key is not the newest one. */
export function isAged({ scope }: Address, bytes: Buffer): boolean {
  const { vault } = scope.rules;
  return vault !== undefined && vault.isAged(scope.tenant, bytes[ENCRYPTION_OFFSET]);
}

/** The same entry sealed by the newest key, as a write of its own; `undefined` where it cannot be opened or sealed. */
export function resealed(
  address: Address,
  bytes: Buffer,
  life?: Pick<Header, 'ttl' | 'grace'>,
): Buffer | undefined {
  const { vault } = address.scope.rules;
  if (!vault) return undefined;
  const isPlain = bytes[ENCRYPTION_OFFSET] === 0;
  const plain = isPlain ? Buffer.from(bytes) : vault.unlock(nameOf(address), bytes);
  if (!Buffer.isBuffer(plain)) return undefined;
  if (life) relive(plain, life);
  drawId(plain);
  return vault.lock(nameOf(address), plain);
}

function plainOf(address: Address, bytes: Buffer): Buffer | Refusal {
  const vault = address.scope.rules.vault!;
  if (bytes[ENCRYPTION_OFFSET] !== 0) {
    const plain = vault.unlock(nameOf(address), bytes);
    if (typeof plain === 'string') refuse(address, plain);
    return plain;
  }
  if (!vault.required) return bytes;
  refuse(address, 'unsigned');
  return 'unsigned';
}

function refuse({ hash, scope: { cache, rules, tenant } }: Address, reason: Refusal): void {
  rules.vault!.refuse({ reason, tenant, cache, hash });
}

function nameOf({ name, scope }: Address): SealedName {
  return { name, tenant: scope.tenant };
}
