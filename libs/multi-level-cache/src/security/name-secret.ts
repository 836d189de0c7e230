/** The secret by which names of keys are hidden in the stores: asked for once, at boot, for names must not change meanwhile. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { NameSecretProvider } from '../core/encryption-options.js';
import { CacheError } from '../core/errors.js';

const LEAST_BYTES = 16;

/** @throws CacheError `CACHE_CONFIG_INVALID` where the callback fails or gives less than 16 bytes */
export async function nameSecretOf(
  provider: NameSecretProvider | false | undefined,
): Promise<KeyObject | undefined> {
  if (!provider) return undefined;
  let given: unknown;
  try {
    given = await provider();
  } catch {
    // Not as a cause: what the callback throws may hold what must not be told.
    throw invalid('has failed: without it the keys in the stores cannot be named');
  }
  const isKey = typeof given === 'string' || given instanceof Uint8Array;
  const bytes = isKey ? Buffer.from(given as string) : undefined;
  if (!bytes || bytes.length < LEAST_BYTES)
    throw invalid(`must return a secret of at least ${LEAST_BYTES} bytes`);
  return createSecretKey(bytes);
}

function invalid(what: string): CacheError {
  return new CacheError('CACHE_CONFIG_INVALID', `security.hideKeys ${what}`);
}
