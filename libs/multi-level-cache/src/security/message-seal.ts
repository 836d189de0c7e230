/**
 * Seals texts with AES-256-GCM: 12 bytes that this process has drawn, from which its key is made, 12 of nonce, the text, 16 of
 * tag; in base64url. No process gets near the number of random nonces that one key may have.
 */
import { createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { BackplaneConfig } from '../core/backplane-options.js';
import type { MessageSeal, SealedFor } from '../core/message-seal.js';
import { decrypted, encrypted, GCM_OVERHEAD } from './gcm.js';
import { secretOf } from './secret.js';

const KEY = 32;
const SALT = 12;
const OVERHEAD = SALT + GCM_OVERHEAD;
/** Keys of other processes that are remembered. */
const MOST_KEYS = 1_000;
const WANTED = {
  option: 'security.backplane.key',
  bytes: 32,
  else: 'messages of other instances cannot be believed',
};

/**
 * The seal of an application: with a secret of its own, else with that of `hideKeys`, whose names must not be told in messages.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` where the callback fails, is late or gives less than 32 bytes
 */
export async function messageSealOf(
  namespace: string,
  backplane: BackplaneConfig | undefined,
  nameSecret: KeyObject | undefined,
  clock: Clock,
): Promise<MessageSeal | undefined> {
  const secret = backplane ? await secretOf(backplane.key, WANTED, clock) : nameSecret;
  return secret && new GcmMessageSeal(namespace, secret);
}

export class GcmMessageSeal implements MessageSeal {
  readonly #salt = randomBytes(SALT);
  readonly #keys = new Map<string, KeyObject>();

  constructor(
    readonly namespace: string,
    readonly secret: KeyObject,
  ) {}

  seal(place: SealedFor, text: string, bound: readonly string[]): string {
    const name = nameOf(place, this.#salt);
    const key = this.#keys.get(name) ?? this.#remember(name, this.#make(place, this.#salt));
    const sealed = encrypted(key, this.#aad(place, bound), Buffer.from(text));
    return Buffer.concat([this.#salt, sealed]).toString('base64url');
  }

  open(place: SealedFor, sealed: string, bound: readonly string[]): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    // Spelled in one way only.
    if (bytes.length < OVERHEAD || bytes.toString('base64url') !== sealed) return undefined;
    const salt = bytes.subarray(0, SALT);
    const name = nameOf(place, salt);
    const key = this.#keys.get(name) ?? this.#make(place, salt);
    const text = decrypted(key, this.#aad(place, bound), bytes.subarray(SALT));
    // Only what was true is remembered: made up names push nothing out.
    if (text) this.#remember(name, key);
    return text?.toString();
  }

  roomIn(bytes: number): number {
    return Math.floor((bytes * 3) / 4) - OVERHEAD;
  }

  #remember(name: string, key: KeyObject): KeyObject {
    if (this.#keys.size >= MOST_KEYS && !this.#keys.has(name))
      this.#keys.delete(this.#keys.keys().next().value!);
    this.#keys.set(name, key);
    return key;
  }

  #make(place: SealedFor, salt: Buffer): KeyObject {
    const info = JSON.stringify(['mlcache backplane 1', place, this.namespace]);
    return createSecretKey(Buffer.from(hkdfSync('sha256', this.secret, salt, info, KEY)));
  }

  #aad(place: SealedFor, bound: readonly string[]): Buffer {
    return Buffer.from(JSON.stringify(['mlcache message 1', this.namespace, place, ...bound]));
  }
}

function nameOf(place: SealedFor, salt: Buffer): string {
  return `${place} ${salt.toString('base64url')}`;
}
