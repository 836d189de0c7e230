/** Callers that never rest: what a fault must not make fail. */
import { expect } from 'vitest';
import type { TestCache } from './cache.js';

/** Calls the cache all the time until stopped; collects what failed. */
export function traffic({ cache }: TestCache): { failures: unknown[]; stop(): Promise<number> } {
  const failures: unknown[] = [];
  let calls = 0;
  let running = true;
  const caller = async (first: number): Promise<void> => {
    for (let number = first; running; number += 4) {
      const key = `traffic:${number % 40}`;
      try {
        expect(await cache.getOrSet(key, () => key, { ttl: 50 })).toBe(key);
        if (number % 8 === first) await cache.delete(key);
      } catch (error) {
        failures.push(error);
      }
      calls++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const callers = [0, 1, 2, 3].map(caller);
  const stop = async (): Promise<number> => {
    running = false;
    await Promise.all(callers);
    return calls;
  };
  return { failures, stop };
}
