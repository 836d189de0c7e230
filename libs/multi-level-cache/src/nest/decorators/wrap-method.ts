/** Puts a function in place of a method: keeps its metadata, and has Nest hand each instance its application's cache. */
import { Inject, Logger, Optional } from '@nestjs/common';
import { CacheError } from '../../core/errors.js';
import type { EntryScope } from '../../core/security.js';
import type { CacheManager } from '../../manager/cache-manager.js';
import { CacheHolder, type DefaultKeyed } from '../cache-holder.js';
import type { AnyFunction } from './method-options.js';

const SLOT: unique symbol = Symbol('nestjs-multi-level-cache');
const methodsOf = new WeakMap<object, Decorated[]>();
const warned = new WeakSet<object>();
/** Applications in this process that demand a cache for each decorated method. */
let strict = 0;

/** An instance with decorated methods. */
export interface Slotted {
  [SLOT]?: CacheHolder | undefined;
}

/** The method a decorator stands on. */
export interface Target {
  readonly prototype: object;
  readonly method: string | symbol;
  /** `Class#method`, for messages. */
  readonly label: string;
  readonly original: AnyFunction;
}

/**
 * Checks that a decorator stands on an instance method.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID`
 */
export function targetOf(
  decorator: string,
  prototype: object,
  method: string | symbol,
  descriptor: { value?: unknown } | undefined,
): Target {
  const isStatic = typeof prototype === 'function';
  const owner = isStatic ? prototype.name : prototype.constructor.name;
  const label = `${owner}#${String(method)}`;
  const original = descriptor?.value;
  if (isStatic || typeof original !== 'function') {
    const what = isStatic ? 'a static method, which has no application' : 'no method';
    throw new CacheError('CACHE_CONFIG_INVALID', `@${decorator} stands on ${label}, ${what}`);
  }
  return { prototype, method, label, original: original as AnyFunction };
}

/** What a decorator was told about its method. */
export interface Decorated {
  readonly target: Target;
  readonly scope: EntryScope | undefined;
  /** Where it spells default keys. */
  readonly keyed?: DefaultKeyed | undefined;
}

/** Replaces the method. */
export function replaceMethod(
  target: Target,
  descriptor: { value?: unknown },
  wrapper: AnyFunction,
  plan: Decorated,
): void {
  const { prototype, original } = target;
  // Guards, routes, Swagger and spans read what other decorators wrote on the function.
  for (const key of Reflect.getOwnMetadataKeys(original) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, original), wrapper);
  }
  for (const name of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, name, { value: original[name], configurable: true });
  }
  descriptor.value = wrapper;
  const methods = methodsOf.get(prototype);
  if (methods) methods.push(plan);
  else {
    methodsOf.set(prototype, [plan]);
    addSlot(prototype);
  }
}

/** From now on a decorated method without a cache throws in this process; returns how to end that. */
export function demandCaches(): () => void {
  strict++;
  return () => void strict--;
}

/**
 * The holder of the instance's application; where Nest did not make the instance it warns once per class.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` instead, while an application of the profile `strict` runs
 */
export function holderOf(instance: Slotted | undefined, target: Target): CacheHolder | undefined {
  const holder = instance?.[SLOT];
  if (holder === undefined) {
    if (strict > 0) throw new CacheError('CACHE_CONFIG_INVALID', without(target));
    warnOnce(instance, target);
  }
  return holder;
}

/** Whether the instance has decorated methods. */
export function isDecorated(instance: object): boolean {
  return decorated(instance) !== undefined;
}

/** Gives an instance that Nest did not construct (a factory's, a value) the cache of its application. */
export function bind(instance: object, holder: CacheHolder): void {
  const present = (instance as Slotted)[SLOT];
  if (present === undefined || present.closed) (instance as Slotted)[SLOT] = holder;
}

/**
 * The cache that a decorated method means.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` where it has to say whose its entries are, and does not
 */
export function cacheOf(
  holder: CacheHolder,
  manager: CacheManager,
  { scope, target }: Decorated,
): CacheManager {
  if (scope !== undefined) return manager.scoped(scope);
  if (holder.wantsScopes) throw new CacheError('CACHE_CONFIG_INVALID', withoutScope([target]));
  return manager;
}

/** What is said of methods that do not say whose their entries are. */
export function withoutScope(targets: readonly Target[]): string {
  const labels = targets.map(({ label }) => label).join(', ');
  return `with security.tenancy on, each decorated method says whose its entries are: scope: 'public', 'tenant' or 'user'; left out on ${labels}`;
}

/** What decorators were told on a class and the classes above it; `undefined` if nothing is decorated. */
export function decorated(prototype: object): Decorated[] | undefined {
  let found: Decorated[] | undefined;
  for (
    let at: object | null = prototype;
    at !== null;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    const methods = methodsOf.get(at);
    if (methods) found = [...(found ?? []), ...methods];
  }
  return found;
}

function addSlot(prototype: object): void {
  // The class above already has Nest fill the slot, and Nest reads that from subclasses too.
  if (SLOT in prototype) return;
  Object.defineProperty(prototype, SLOT, {
    configurable: true,
    get: () => undefined,
    // Not enumerable: the cache must not show up where an instance is compared, logged or copied.
    set(this: object, holder: CacheHolder) {
      Object.defineProperty(this, SLOT, { value: holder, writable: true, configurable: true });
    },
  });
  Optional()(prototype, SLOT);
  Inject(CacheHolder)(prototype, SLOT);
}

function warnOnce(instance: object | undefined, target: Target): void {
  const owner = instance?.constructor ?? target.prototype;
  if (warned.has(owner)) return;
  warned.add(owner);
  new Logger('MultiLevelCache').warn(without(target));
}

function without({ label }: Target): string {
  return (
    `${label} runs without a cache: its instance was made with \`new\`, is still in its constructor, ` +
    'or MultiLevelCacheModule is not imported'
  );
}
