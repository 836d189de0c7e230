/** `@Cached({ batch: true })`: a method over a list of items, cached item by item. */
import type { CacheManager } from '../../manager/cache-manager.js';
import { CacheError } from '../../core/errors.js';
import type { AnyClass, CacheHolder } from '../cache-holder.js';
import type { CachedPlan } from './cached-plan.js';

/** One call of a batch method. */
export interface BatchCall {
  readonly cache: CacheManager;
  readonly plan: CachedPlan;
  readonly instance: object | undefined;
  readonly args: readonly unknown[];
  readonly holder: CacheHolder;
  /** Names default keys. */
  readonly runtime: AnyClass;
}

/** Found items with their results, in the order of the list; the method runs once, for the missing ones. */
export async function runBatch({
  cache,
  plan,
  instance,
  args,
  holder,
  runtime,
}: BatchCall): Promise<Map<unknown, unknown>> {
  const [items, ...rest] = args;
  if (!Array.isArray(items))
    throw new CacheError(
      'CACHE_KEY_INVALID',
      `argument 1 of ${plan.target.label} must be a list: it is a batch method`,
    );
  const itemOf = new Map<string, unknown>();
  for (const item of items as unknown[])
    itemOf.set(plan.keyFor(holder, runtime, [item, ...rest]), item);
  const found = await cache.getOrSetMany(
    [...itemOf.keys()],
    async (keys, context) => {
      const missing = keys.map((key) => itemOf.get(key));
      const results = asMap(await plan.target.original.apply(instance, [missing, ...rest]), plan);
      const values = new Map<string, unknown>();
      for (const key of keys) {
        const item = itemOf.get(key);
        const result = results.get(item);
        if (result === undefined) continue;
        context.setOptions(key, plan.settle(result, [item, ...rest]));
        values.set(key, result);
      }
      return values;
    },
    plan.entry,
  );
  return new Map([...found].map(([key, value]) => [itemOf.get(key), value]));
}

function asMap(result: unknown, { target }: CachedPlan): ReadonlyMap<unknown, unknown> {
  if (result instanceof Map) return result;
  throw new CacheError(
    'CACHE_VALUE_UNCACHEABLE',
    `${target.label} is a batch method and must return a Map from item to result`,
  );
}
