/** Two instances of one application, one of which follows the stream on a way that faults happen on. */
import { expect } from 'vitest';
import { testCache, type TestCache, type TestCacheOptions } from '../../support/cache.js';
import type { FaultProxy } from '../../support/fault-proxy.js';
import { freshNamespace, redisUrl } from '../../support/servers.js';
import { AMPLE, wayTo } from './setting.js';

export interface Apart {
  readonly namespace: string;
  readonly way: FaultProxy;
  /** On that way. */
  readonly hearer: TestCache;
  readonly teller: TestCache;
}

export async function apart(
  url = redisUrl(),
  more: Pick<TestCacheOptions, 'l1'> = {},
): Promise<Apart> {
  const way = await wayTo({ url });
  const namespace = freshNamespace();
  const options = { namespace, budget: AMPLE, maxEntries: 50_000, ...more };
  const hearer = await testCache({ ...options, redis: way.url });
  const teller = await testCache({ ...options, redis: url });
  // The connection is known by what it says, and says it when it first waits for messages.
  await hearer.cache.set('bell', 1, { tags: ['rung'] });
  await teller.cache.invalidateTags(['rung']);
  await expect.poll(() => hearer.cache.get('bell')).toBeUndefined();
  return { namespace, way, hearer, teller };
}

/** So many keys are expired, each by a message of its own: deletes that come together would be one. */
export async function tellEach({ cache }: TestCache, count: number): Promise<void> {
  const together = 100;
  for (let from = 0; from < count; from += together) {
    const some = Array.from({ length: Math.min(together, count - from) }, (_zero, at) => from + at);
    await Promise.all(some.map((at) => cache.expire(`k${at}`)));
  }
}

/** Memory of an instance fills with these keys. */
export async function remember({ cache }: TestCache, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_zero, at) => `k${at}`);
  await cache.getOrSetMany(keys, (missing) => missing.map((key) => [key, 'old'] as const));
}

/** How many of these keys memory still has. */
export function remembered({ cache }: TestCache, count: number): number {
  return Array.from({ length: count }, (_zero, at) => cache.peek(`k${at}`)).filter(Boolean).length;
}
