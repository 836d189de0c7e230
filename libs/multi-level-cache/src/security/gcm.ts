/** AES-256-GCM over what is kept or sent as a whole: 12 bytes of nonce, drawn anew each time, what was encrypted, 16 of tag. */
import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;
const LENGTHS = { authTagLength: TAG };

/** What it adds. */
export const GCM_OVERHEAD = NONCE + TAG;

/** @param bound - is not in it, and has to be the same when it is opened */
export function encrypted(key: KeyObject, bound: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, key, nonce, LENGTHS).setAAD(bound);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** `undefined` where another key, or another `bound`, or nobody has encrypted it. */
export function decrypted(key: KeyObject, bound: Buffer, bytes: Buffer): Buffer | undefined {
  if (bytes.length < GCM_OVERHEAD) return undefined;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE), LENGTHS).setAAD(bound);
  decipher.setAuthTag(bytes.subarray(-TAG));
  try {
    const plain = decipher.update(bytes.subarray(NONCE, -TAG));
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}
