/** Instances that seal their messages, and how a test counts what they refuse. */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { GcmMessageSeal } from '../../libs/multi-level-cache/src/security/message-seal.js';
import { testCache, type TestCache, type TestCacheOptions } from './cache.js';

export interface SealedCache extends TestCache {
  /** What it has refused, in the order it came. */
  readonly refused: readonly string[];
}

export const newSecret = (): KeyObject => createSecretKey(randomBytes(32));

/** @param secret - none: it seals nothing, and takes what is told in clear */
export async function sealedCache(
  options: TestCacheOptions,
  secret: KeyObject | undefined,
): Promise<SealedCache> {
  const refused: string[] = [];
  const seal = secret && new GcmMessageSeal(options.namespace, secret);
  const onRefused = (what: string): void => void refused.push(what);
  const made = await testCache({ ...options, seal, onRefused });
  // The same object: it takes itself off the list of open ones when it is closed.
  return Object.assign(made, { refused });
}
