/** A Nest application with a memory cache around the providers of a test. */
import type { DynamicModule, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { afterEach } from 'vitest';
import { CacheManager, MultiLevelCacheModule } from '../../src/index.js';

const silence = (): undefined => undefined;
/** `false` is not in the type of `setLogger`. */
export const NO_LOGGER: LoggerService = { log: silence, warn: silence, error: silence };

const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});

/** The module with L1 only. */
export function memoryCache(): DynamicModule {
  return MultiLevelCacheModule.forRoot({ namespace: 'test' });
}

/** Builds and initialises; closed after the test. */
export async function boot(
  metadata: ModuleMetadata,
  change: (builder: TestingModuleBuilder) => TestingModuleBuilder = (builder) => builder,
) {
  const imports = [memoryCache(), ...(metadata.imports ?? [])];
  const builder = change(Test.createTestingModule({ ...metadata, imports }));
  const module = await builder.setLogger(NO_LOGGER).compile();
  running.push(module);
  await module.init();
  return { module, cache: module.get(CacheManager) };
}

/** Closed after the test. */
export function closeLater<T extends { close(): Promise<void> }>(app: T): T {
  running.push(app);
  return app;
}

/** A promise that is resolved from outside. */
export class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}
