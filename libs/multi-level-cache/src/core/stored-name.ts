/** Names of keys as shared stores keep them, read back. Nothing is taken that this application would not have written. */
import { Address, textFault, type Scope } from './key.js';

/** A key as a store names it. */
export interface StoredName {
  /** The key; of a hidden one its hash. */
  readonly key: string;
  /** Left out where only the hash is known. */
  readonly address?: Address;
}

/** `~` and SHA-256 in base64url. */
const HASHED = /^~[\w-]{43}$/;
/** Names are ASCII without control characters: nothing that begins with a name comes behind that name and this. */
const LAST = '\u007f';

/**
 * What an encoded key stands for.
 *
 * @param isIt - whether a digest goes with the place where the name was found: who can write the store can write any name, and a
 * readable key may look like a hash
 */
export function storedName(
  scope: Scope,
  encoded: string,
  isIt: (digest: string) => boolean,
): StoredName | undefined {
  const key = scope.rules.nameSecret ? undefined : decoded(encoded);
  if (key !== undefined) {
    const address = new Address(scope, key);
    if (address.encoded === encoded && isIt(address.digest)) return { key, address };
  }
  if (!HASHED.test(encoded)) return undefined;
  const digest = Buffer.from(encoded.slice(1), 'base64url').toString('hex');
  return isIt(digest) ? { key: encoded } : undefined;
}

/** Behind every name that begins so, and before every other one that comes later, byte by byte. */
export function endOf(prefix: string): string {
  return `${prefix}${LAST}`;
}

function decoded(encoded: string): string | undefined {
  try {
    const key = decodeURIComponent(encoded);
    return textFault(key) === undefined ? key : undefined;
  } catch {
    return undefined;
  }
}
