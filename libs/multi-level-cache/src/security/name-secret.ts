/** The secret by which names of keys are hidden in the stores: asked for once, at boot, for names must not change meanwhile. */
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { NameSecretProvider } from '../core/encryption-options.js';
import { secretOf } from './secret.js';

const WANTED = {
  option: 'security.hideKeys',
  bytes: 16,
  else: 'the keys in the stores cannot be named',
};

/** @throws CacheError `CACHE_CONFIG_INVALID` where the callback fails, is late or gives less than 16 bytes */
export async function nameSecretOf(
  provider: NameSecretProvider | false | undefined,
  clock: Clock,
): Promise<KeyObject | undefined> {
  return provider ? secretOf(provider, WANTED, clock) : undefined;
}
