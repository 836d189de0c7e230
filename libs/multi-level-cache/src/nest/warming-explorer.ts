/** Finds who can load keys when nobody asks: `@CacheLoader` methods, and `@Cached` methods as they are called. */
import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { deepCopy, inspect } from '../core/value.js';
import type { MakeCall } from '../manager/warm-calls.js';
import type { Warming } from '../manager/warming.js';
import { CacheHolder } from './cache-holder.js';
import { cachedPlanOf } from './decorators/cached.js';
import { loadersOf } from './decorators/cache-loader.js';

/** Arguments larger than this, in rough bytes, are not remembered. */
const LARGEST_ARGUMENTS = 1_024;

type Methods = Record<string | symbol, (...args: unknown[]) => Promise<unknown>>;

@Injectable()
export class WarmingExplorer {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(CacheHolder) private readonly holder: CacheHolder,
  ) {}

  explore(warming: Warming): void {
    const known = new WeakSet();
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const instance: unknown = wrapper.instance;
      // What lives as long as a request is gone when warming would call it.
      if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) continue;
      if (typeof instance !== 'object' || instance === null || known.has(instance)) continue;
      known.add(instance);
      for (const { cache, method, pattern } of loadersOf(instance))
        warming.calls.declare(pattern, cache, this.#callOf(instance, method));
      for (const method of cachedMethods(instance))
        warming.calls.declareMethod(labelOf(instance, method));
    }
    if (warming.options)
      this.holder.record = ({ args, instance, key, loader, method, options, scope }) => {
        if (!known.has(instance) || !areSmall(args)) return;
        const again = loader(deepCopy(args) as unknown[]);
        warming.record(labelOf(instance, method), { key, loader: again, options }, scope);
      };
  }

  /** On a method with `@Cached` that one spells the key and knows the tags; else the key is the one of the pattern. */
  #callOf(instance: object, method: string | symbol): MakeCall {
    const call = (instance as Methods)[method];
    const plan = cachedPlanOf(call);
    if (!plan || plan.batch)
      return (args, key) => ({ key, loader: () => call.apply(instance, [...args]) });
    return (args) => {
      if (plan.when && plan.when(...args) !== true) return undefined;
      const key = plan.keyFor(this.holder, instance.constructor as never, args);
      return { key, loader: plan.loader(instance, [...args]), options: plan.entry };
    };
  }
}

function labelOf(instance: object, method: string | symbol): string {
  return `${instance.constructor.name}#${String(method)}`;
}

/** `@Cached` methods of the class and those above it. */
function cachedMethods(instance: object): (string | symbol)[] {
  const found = new Set<string | symbol>();
  for (
    let at = Object.getPrototypeOf(instance) as object | null;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  )
    for (const method of Reflect.ownKeys(at))
      if (cachedPlanOf(Object.getOwnPropertyDescriptor(at, method)?.value)) found.add(method);
  return [...found];
}

/** Plain data of a bounded size: it can be kept, and given again. */
function areSmall(args: readonly unknown[]): boolean {
  try {
    return inspect(args).bytes <= LARGEST_ARGUMENTS;
  } catch {
    return false;
  }
}
