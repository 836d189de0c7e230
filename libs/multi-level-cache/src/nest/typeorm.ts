/** The door `nestjs-multi-level-cache/typeorm`: needs `typeorm`. */
export { CacheTypeOrmModule, type CacheTypeOrmOptions } from './typeorm/cache-typeorm.module.js';
export {
  typeOrmQueryCache,
  type QueryCache,
  type QueryCacheEntry,
} from '../integrations/typeorm/query-cache.js';
export {
  queryCacheStats,
  type BypassReason,
  type QueryCacheStats,
} from '../integrations/typeorm/binding.js';
export {
  cachedFind,
  cachedFindOne,
  type CachedFindOptions,
} from '../integrations/typeorm/cached-find.js';
export { cacheMigrations, type CacheMigrationOptions } from './typeorm/cache-migrations.js';
export { tagsOf } from '../integrations/typeorm/tags.js';
export { versionedKey } from '../integrations/typeorm/versioned-key.js';
