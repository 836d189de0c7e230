/** What Nest's module builder makes for us: `forRoot`, `forRootAsync` and the token of the raw options. */
import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { CacheModuleOptions } from '../core/options.js';

/** What is said beside the options, also to `forRootAsync`. */
export interface CacheModuleExtras {
  /** Inject the cache everywhere without importing the module again. @defaultValue true */
  readonly isGlobal?: boolean;
}

const definition = new ConfigurableModuleBuilder<CacheModuleOptions>({
  moduleName: 'MultiLevelCache',
})
  .setClassMethodName('forRoot')
  .setExtras<CacheModuleExtras>({ isGlobal: true }, (module, { isGlobal }) => ({
    ...module,
    global: isGlobal ?? true,
  }))
  .build();

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = definition;

/** Options of `forRootAsync`: `useFactory` with `inject`, `useClass` or `useExisting`, and `imports`. */
export type CacheModuleAsyncOptions = typeof definition.ASYNC_OPTIONS_TYPE;
