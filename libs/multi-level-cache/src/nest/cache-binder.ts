/** Brings the cache to decorated methods: fills the holder, then the slots of instances that Nest did not construct. */
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { CacheError } from '../core/errors.js';
import { CacheManager } from '../manager/cache-manager.js';
import { isRoot } from '../manager/create-cache.js';
import { CacheHolder, type AnyClass } from './cache-holder.js';
import {
  bind,
  decorated,
  isDecorated,
  withoutScope,
  type Target,
} from './decorators/wrap-method.js';
import { RESOLVED_OPTIONS } from './tokens.js';
import type { ResolvedOptions } from '../core/options.js';

@Injectable()
export class CacheBinder implements OnModuleInit {
  /** Methods that do not say whose their entries are, and have to. */
  readonly #silent = new Set<Target>();

  constructor(
    // Injected, so that decorated methods use what a test put in the cache's place.
    @Inject(CacheManager) private readonly manager: CacheManager,
    @Inject(CacheHolder) private readonly holder: CacheHolder,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(RESOLVED_OPTIONS) { security }: ResolvedOptions,
  ) {
    holder.manager = manager;
    holder.wantsScopes = (security?.tenancy ?? 'off') !== 'off';
  }

  /**
   * @throws CacheError `CACHE_CONFIG_INVALID` on a second `forRoot`, on default keys that two classes share, on methods that do not
   * say whose their entries are
   */
  onModuleInit(): void {
    const providers = this.discovery.getProviders();
    if (providers.filter((wrapper) => wrapper.token === CacheHolder).length > 1) {
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        'MultiLevelCacheModule.forRoot is imported more than once; import it in one module and use cache.namespace(name)',
      );
    }
    const wrappers = [...providers, ...this.discovery.getControllers()];
    for (const { instance } of wrappers as { instance: unknown }[]) {
      if (typeof instance !== 'object' || instance === null) continue;
      if (isDecorated(instance)) bind(instance, this.holder);
      // Anything but a data source is let pass.
      if (isRoot(this.manager)) this.manager.hooks.listenTo(instance);
      this.#claim(instance.constructor);
    }
    for (const { metatype } of wrappers) this.#claim(metatype);
    if (this.#silent.size > 0)
      throw new CacheError('CACHE_CONFIG_INVALID', withoutScope([...this.#silent]));
  }

  /** Claims the default keys of a class, so that a clash is seen at boot and not by the second caller. */
  #claim(owner: unknown): void {
    const prototype: unknown = typeof owner === 'function' ? owner.prototype : undefined;
    if (typeof prototype !== 'object' || prototype === null) return;
    for (const { keyed, scope, target } of decorated(prototype) ?? []) {
      if (keyed) this.holder.keys(owner as AnyClass, keyed);
      if (this.holder.wantsScopes && scope === undefined) this.#silent.add(target);
    }
  }
}
