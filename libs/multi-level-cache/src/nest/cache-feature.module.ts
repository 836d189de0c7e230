/** Named caches as Nest providers: declared in one module, injected by name. */
import { Inject, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { CacheError } from '../core/errors.js';
import type { FeatureConfig, ResolvedOptions } from '../core/options.js';
import { CacheManager } from '../manager/cache-manager.js';
import type { CacheRoot } from '../manager/create-cache.js';
import { CacheHolder } from './cache-holder.js';
import { RESOLVED_OPTIONS } from './tokens.js';
import { validateFeatures } from './validate-options.js';

/** The token of a named cache. */
export function getCacheToken(name: string): string {
  return `nestjs-multi-level-cache:${name}`;
}

/**
 * Injects the named cache that `MultiLevelCacheModule.forFeature` declared.
 *
 * @example
 * class SessionStore {
 *   constructor(@InjectCache('sessions') private readonly sessions: CacheManager) {}
 * }
 */
export function InjectCache(name: string): ParameterDecorator & PropertyDecorator {
  return Inject(getCacheToken(name));
}

@Module({})
class CacheFeatureModule {}

/** A module that provides the caches; their settings are checked when it boots. */
export function featureModule(features: readonly FeatureConfig[]): DynamicModule {
  const given: readonly FeatureConfig[] = Array.isArray(features) ? features : [];
  const providers: Provider[] = given.map((feature) => ({
    provide: getCacheToken(feature?.name),
    inject: [CacheManager, RESOLVED_OPTIONS, CacheHolder],
    useFactory: (manager: CacheManager, options: ResolvedOptions, holder: CacheHolder) => {
      const settings = validateFeatures(features, options.defaults).get(feature.name)!;
      holder.declare(feature.name, JSON.stringify(settings), conflict);
      if ('declare' in manager) (manager as CacheRoot).declare(feature.name, settings);
      return manager.namespace(feature.name);
    },
  }));
  return { module: CacheFeatureModule, providers, exports: providers };
}

function conflict(name: string): CacheError {
  return new CacheError(
    'CACHE_CONFIG_INVALID',
    `the cache ${name} is declared twice by forFeature, with different settings`,
  );
}
