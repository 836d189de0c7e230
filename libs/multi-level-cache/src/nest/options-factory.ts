/** What a class given to `forRootAsync` as `useClass` or `useExisting` does. */
import type { CacheModuleOptions } from '../core/options.js';

/**
 * Makes the module options.
 *
 * @example
 * class CacheConfig implements CacheOptionsFactory {
 *   create(): CacheModuleOptions {
 *     return { namespace: 'shop' };
 *   }
 * }
 */
export interface CacheOptionsFactory {
  create(): CacheModuleOptions | Promise<CacheModuleOptions>;
}
