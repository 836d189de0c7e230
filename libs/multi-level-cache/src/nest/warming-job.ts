/** The scheduled job `cache-warming`: finds the loaders, warms at boot, then every interval; gone after close. */
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import type { ResolvedOptions } from '../core/options.js';
import { CacheManager } from '../manager/cache-manager.js';
import type { CacheRoot } from '../manager/create-cache.js';
import type { WarmReport } from '../warming/warmer.js';
import { loadersOf } from './decorators/cache-loader.js';
import { isCached, type Slotted } from './decorators/wrap-method.js';
import { RESOLVED_OPTIONS } from './tokens.js';

/** What the SchedulerRegistry calls it. */
export const WARMING_JOB = 'cache-warming';

/** The part of @nestjs/schedule's SchedulerRegistry that is used. */
interface Registry {
  addInterval(name: string, handle: unknown): void;
  deleteInterval(name: string): void;
}

@Injectable()
export class WarmingJob implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('MultiLevelCache');
  #registry: Registry | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { cache } = this;
    if (!('warming' in cache)) return;
    const { warming } = cache as CacheRoot;
    this.#collect(cache as CacheRoot);
    const { warming: options } = this.options;
    if (!options) return;
    this.#timer = setInterval(() => void this.#round(), options.interval).unref();
    this.#registry = await this.#findRegistry();
    this.#registry?.addInterval(WARMING_JOB, this.#timer);
    // Beside the first requests, not before them: the application answers meanwhile.
    if (options.onBoot)
      void warming.recall().then(
        () => this.#round(),
        () => undefined,
      );
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    // The registry clears the interval, and forgets its name.
    if (this.#registry) this.#registry.deleteInterval(WARMING_JOB);
    clearInterval(this.#timer);
  }

  /** A round that is still under way is not joined by another. */
  #round(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return (this.#running ??= (this.cache as CacheRoot).warming
      .round()
      .then(
        (report) => this.#log(report),
        () => undefined,
      )
      .finally(() => {
        this.#running = undefined;
      }));
  }

  #log(report: WarmReport | undefined): void {
    if (!report || report.loaded + report.failed === 0) return;
    const { alreadyFresh, failed, loaded, overBudget, planned } = report;
    this.#logger.log(
      `cache.warming.finished: ${planned} planned, ${loaded} loaded, ${alreadyFresh} fresh, ${failed} failed, ${overBudget} over budget`,
    );
  }

  #collect({ warming }: CacheRoot): void {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    const seen = new Set<object>();
    for (const { instance } of wrappers as { instance: unknown }[]) {
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      for (const { cache, method, pattern } of loadersOf(instance)) {
        const call = (instance as Slotted & Record<string | symbol, unknown>)[method] as (
          ...args: unknown[]
        ) => Promise<unknown>;
        warming.loaders.add(pattern, cache, {
          run: (args) => call.apply(instance, [...args]),
          stores: isCached(call),
        });
      }
    }
  }

  async #findRegistry(): Promise<Registry | undefined> {
    const library = await import('@nestjs/schedule').catch(() => undefined);
    try {
      return library && this.modules.get(library.SchedulerRegistry, { strict: false });
    } catch {
      // Installed, and not imported by this application.
      return undefined;
    }
  }
}
