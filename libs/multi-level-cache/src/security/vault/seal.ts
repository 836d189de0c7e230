/**
 * AES-256-GCM over an envelope: its head stays readable and is covered by the tag together with the full name of its key, the
 * rest is encrypted. Pure.
 *
 * | bytes | |
 * |---|---|
 * | 55 | the head, with the id of the data key at offset 3 |
 * | 12 | nonce, random |
 * | … | what was behind the head: tags, lives, etag, payload |
 * | 16 | tag |
 */
import { createCipheriv, createDecipheriv, randomFillSync, type KeyObject } from 'node:crypto';
import { ENCRYPTION_OFFSET, HEADER } from '../../core/envelope.js';

const CIPHER = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;
const LENGTHS = { authTagLength: TAG };

/** What encryption adds to an envelope. */
export const OVERHEAD = NONCE + TAG;

/** @param keyId - 1 to 255 */
export function lock(key: KeyObject, keyId: number, name: string, plain: Buffer): Buffer {
  const out = Buffer.allocUnsafe(plain.length + OVERHEAD);
  plain.copy(out, 0, 0, HEADER);
  out[ENCRYPTION_OFFSET] = keyId;
  randomFillSync(out, HEADER, NONCE);
  const cipher = createCipheriv(CIPHER, key, out.subarray(HEADER, HEADER + NONCE), LENGTHS);
  cipher.setAAD(bound(name, out));
  cipher.update(plain.subarray(HEADER)).copy(out, HEADER + NONCE);
  cipher.final();
  cipher.getAuthTag().copy(out, out.length - TAG);
  return out;
}

/** The plain envelope, or `undefined` where anything is not as it was when it was locked under this name. */
export function unlock(key: KeyObject, name: string, bytes: Buffer): Buffer | undefined {
  const length = bytes.length - HEADER - OVERHEAD;
  if (length < 0) return undefined;
  const start = HEADER + NONCE;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(HEADER, start), LENGTHS);
  decipher.setAAD(bound(name, bytes));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG));
  try {
    const plain = Buffer.allocUnsafe(HEADER + length);
    bytes.copy(plain, 0, 0, HEADER);
    plain[ENCRYPTION_OFFSET] = 0;
    decipher.update(bytes.subarray(start, start + length)).copy(plain, HEADER);
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

/** The head has always the same length and comes last, so no two pairs of name and head are one text. */
function bound(name: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(name), bytes.subarray(0, HEADER)]);
}
