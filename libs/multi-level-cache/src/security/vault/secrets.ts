/** Secrets of one tenant, and how a store keeps them: each wrapped by a master key, bound to application, tenant and id. Pure. */
import { createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { decrypted, encrypted, GCM_OVERHEAD } from '../gcm.js';

const SECRET = 32;
const MOST_IDS = 255;
/** More generations of one tenant are not kept; the oldest goes. */
const MOST_SECRETS = 8;

/** One generation of a tenant's secret, as stored. */
export interface StoredSecret {
  /** 1, 2, 3 …; never used twice. */
  readonly id: number;
  /** Base64: nonce, secret, tag. */
  readonly wrapped: string;
  /** The master key that wraps it. */
  readonly master: string;
  /** When it is to be destroyed, ms since 1970 by the store's clock; none = it is in use. */
  readonly until?: number;
}

/** All there is of one tenant, newest last. */
export interface SecretRecord {
  /** The highest id ever given. */
  readonly last: number;
  readonly secrets: readonly StoredSecret[];
}

export const EMPTY: SecretRecord = Object.freeze({ last: 0, secrets: [] });

/** Whose secret it is. */
export interface Owner {
  readonly namespace: string;
  readonly tenant: string;
}

/** Which byte of an envelope names the secret: 1 to 255. */
export function keyIdOf(id: number): number {
  return ((id - 1) % MOST_IDS) + 1;
}

export function newSecret(): Buffer {
  return randomBytes(SECRET);
}

/** The key that data is encrypted with. */
export function dataKey(secret: Buffer, { namespace, tenant }: Owner, id: number): KeyObject {
  const info = JSON.stringify(['mlcache data key 1', namespace, tenant, id]);
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', info, SECRET)));
}

export function wrap(master: KeyObject, secret: Buffer, owner: Owner, id: number): string {
  return encrypted(master, bound(owner, id), secret).toString('base64');
}

/** `undefined` where another key wrapped it, or another tenant's or application's secret stands here. */
export function unwrap(
  master: KeyObject,
  wrapped: string,
  owner: Owner,
  id: number,
): Buffer | undefined {
  const bytes = Buffer.from(wrapped, 'base64');
  if (bytes.length !== SECRET + GCM_OVERHEAD) return undefined;
  return decrypted(master, bound(owner, id), bytes);
}

/** With one more secret; the others end at `until`, where given, and no later than they were to end. */
export function added(
  { last, secrets }: SecretRecord,
  secret: Omit<StoredSecret, 'id'>,
  until?: number,
): SecretRecord {
  const id = last + 1;
  const before = secrets.map((old) =>
    until === undefined ? old : { ...old, until: Math.min(old.until ?? Infinity, until) },
  );
  return { last: id, secrets: [...before, { ...secret, id }].slice(-MOST_SECRETS) };
}

/** Without what has come to its end. */
export function living({ last, secrets }: SecretRecord, now: number): SecretRecord {
  return { last, secrets: secrets.filter(({ until = Infinity }) => until > now) };
}

export function encodeRecord({ last, secrets }: SecretRecord): string {
  return JSON.stringify({ v: 1, last, secrets });
}

/** `undefined` where it is not ours, or newer. */
export function decodeRecord(text: string): SecretRecord | undefined {
  try {
    const { v, last, secrets } = JSON.parse(text) as Record<string, unknown>;
    if (v !== 1 || !Number.isSafeInteger(last) || !Array.isArray(secrets)) return undefined;
    return secrets.every(isStored) ? { last: last as number, secrets } : undefined;
  } catch {
    return undefined;
  }
}

function isStored(value: unknown): value is StoredSecret {
  const { id, wrapped, master, until } = (value ?? {}) as Partial<StoredSecret>;
  return (
    Number.isSafeInteger(id) &&
    id! > 0 &&
    typeof wrapped === 'string' &&
    typeof master === 'string' &&
    (until === undefined || typeof until === 'number')
  );
}

function bound({ namespace, tenant }: Owner, id: number): Buffer {
  return Buffer.from(JSON.stringify(['mlcache secret 1', namespace, tenant, id]));
}
