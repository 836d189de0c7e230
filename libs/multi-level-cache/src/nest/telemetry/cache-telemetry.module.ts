/** Brings the cache's counters to OpenTelemetry: through nestjs-otel where the application has it, else through the API. */
import {
  Inject,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { metrics } from '@opentelemetry/api';
import { CacheManager } from '../../manager/cache-manager.js';
import { observe, type Instruments, type Observing } from '../../telemetry/metrics.js';
import { METER } from '../../telemetry/names.js';

/** The part of nestjs-otel's MetricService that is used. */
interface MetricService {
  getObservableCounter: Instruments['createObservableCounter'];
  getObservableUpDownCounter: Instruments['createObservableUpDownCounter'];
  getObservableGauge: Instruments['createObservableGauge'];
  getHistogram: Instruments['createHistogram'];
}

/** nestjs-otel keeps one instrument per name for the whole process: only one application may use it at a time. */
let taken = false;

/**
 * Import it beside `MultiLevelCacheModule`: every counter of `stats()` becomes an observable instrument, read when the
 * exporter asks. Start the SDK before Nest: instruments made earlier stay silent, and a warning `cache.telemetry.dark` says
 * so.
 *
 * @example
 * \@Module({ imports: [MultiLevelCacheModule.forRoot({ namespace: 'shop' }), CacheTelemetryModule] })
 * class AppModule {}
 */
@Module({})
export class CacheTelemetryModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('MultiLevelCache');
  #observing: Observing | undefined;
  #took = false;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.#observing = observe(this.cache, (await this.#nestjsOtel()) ?? metrics.getMeter(METER));
    if (this.#observing.dark)
      this.#logger.warn(
        'cache.telemetry.dark: no OpenTelemetry SDK was registered before the application started; nothing is exported',
      );
  }

  onApplicationShutdown(): void {
    this.#observing?.stop();
    if (this.#took) taken = false;
    this.#took = false;
  }

  async #nestjsOtel(): Promise<Instruments | undefined> {
    const library = await import('nestjs-otel').catch(() => undefined);
    if (!library || taken) return undefined;
    let service: MetricService;
    try {
      service = this.modules.get(library.MetricService, { strict: false });
    } catch {
      // Installed, and not imported by this application.
      return undefined;
    }
    taken = true;
    this.#took = true;
    return {
      createObservableCounter: (name, options) => service.getObservableCounter(name, options),
      createObservableUpDownCounter: (name, options) =>
        service.getObservableUpDownCounter(name, options),
      createObservableGauge: (name, options) => service.getObservableGauge(name, options),
      createHistogram: (name, options) => service.getHistogram(name, options),
    };
  }
}
