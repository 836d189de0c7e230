/** The scheduled job `cache-warming`: fills memory before the application is ready, then runs a round every interval; gone after close. */
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { ResolvedOptions } from '../core/options.js';
import { CacheManager } from '../manager/cache-manager.js';
import { isRoot } from '../manager/create-cache.js';
import type { WarmReport } from '../warming/warmer.js';
import { RESOLVED_OPTIONS } from './tokens.js';
import { WarmingExplorer } from './warming-explorer.js';

/** What the SchedulerRegistry calls it. */
export const WARMING_JOB = 'cache-warming';
/** The application waits so long, at most, for what lower tiers have of the hot list. */
const REFILL_MS = 2_000;

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
    @Inject(WarmingExplorer) private readonly explorer: WarmingExplorer,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!isRoot(this.cache)) return;
    const { warming } = this.cache;
    this.explorer.explore(warming);
    const { warming: options } = this.options;
    if (!options) return;
    this.#timer = setInterval(
      () => void this.#alone(() => warming.round()),
      options.interval,
    ).unref();
    this.#registry = await this.#findRegistry();
    this.#registry?.addInterval(WARMING_JOB, this.#timer);
    warming.leader.start();
    if (!options.onBoot) return;
    await within(REFILL_MS, warming.refill());
    // Loaders run beside the first requests, not before them.
    void this.#alone(() => warming.start());
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    // The registry clears the interval, and forgets its name.
    if (this.#registry) this.#registry.deleteInterval(WARMING_JOB);
    clearInterval(this.#timer);
  }

  /** A round that is still under way is not joined by another. */
  #alone(work: () => Promise<WarmReport | undefined>): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return (this.#running ??= work()
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

/** Resolves with the work, or when it has taken too long, or has failed: nobody's start depends on it. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms).unref()));
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
