/** Brings the cache's counters to OpenTelemetry: through nestjs-otel where the application has it, else through the API. */
import {
  Inject,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { metrics, trace, type Tracer } from '@opentelemetry/api';
import { CacheManager } from '../../manager/cache-manager.js';
import { isRoot } from '../../manager/create-cache.js';
import { observe, type Instruments, type Observing } from '../../telemetry/metrics.js';
import { METER } from '../../telemetry/names.js';
import { CacheTracer } from '../../telemetry/spans.js';

/** The parts of nestjs-otel's services that are used. */
interface MetricService {
  getObservableCounter: Instruments['createObservableCounter'];
  getObservableUpDownCounter: Instruments['createObservableUpDownCounter'];
  getObservableGauge: Instruments['createObservableGauge'];
  getHistogram: Instruments['createHistogram'];
}
interface TraceService {
  getTracer(): Tracer;
}

/** nestjs-otel keeps one instrument per name for the whole process: only one application may use it at a time. */
let taken = false;

/**
 * Import it beside `MultiLevelCacheModule`: every counter of `stats()` becomes an observable instrument, read when the
 * exporter asks; what happens below memory becomes histograms, and spans of the request's trace. Start the SDK before Nest:
 * instruments made earlier stay silent, and a warning `cache.telemetry.dark` says so.
 *
 * @example
 * \@Module({ imports: [MultiLevelCacheModule.forRoot({ namespace: 'shop' }), CacheTelemetryModule] })
 * class AppModule {}
 */
@Module({})
export class CacheTelemetryModule
  implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown
{
  readonly #logger = new Logger('MultiLevelCache');
  #observing: Observing | undefined;
  #took = false;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(ModulesContainer) private readonly container: ModulesContainer,
  ) {
    // Before the cache opens: what it begins then is to be nobody's trace. A tracer finds its SDK whenever that comes.
    if (isRoot(this.cache)) this.cache.tracing.tracer = new CacheTracer(trace.getTracer(METER));
  }

  async onModuleInit(): Promise<void> {
    const tracer = (await this.#services())?.traces?.getTracer();
    if (tracer && isRoot(this.cache)) this.cache.tracing.tracer = new CacheTracer(tracer);
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#observing = observe(this.cache, (await this.#instruments()) ?? metrics.getMeter(METER));
    if (this.#observing.dark)
      this.#logger.warn(
        'cache.telemetry.dark: no OpenTelemetry SDK was registered before the application started; no metric is exported',
      );
  }

  onApplicationShutdown(): void {
    this.#observing?.stop();
    if (isRoot(this.cache)) this.cache.tracing.tracer = undefined;
    if (this.#took) taken = false;
    this.#took = false;
  }

  async #instruments(): Promise<Instruments | undefined> {
    const service = (await this.#services())?.metrics;
    if (!service || taken) return undefined;
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

  /** Of nestjs-otel, where this application imports it: whoever only has it installed is not made to load it. */
  async #services(): Promise<
    { readonly metrics?: MetricService; readonly traces?: TraceService } | undefined
  > {
    const imported = [...this.container.values()].some(({ metatype }) =>
      metatype?.name.startsWith('OpenTelemetry'),
    );
    const library = imported && (await import('nestjs-otel').catch(() => undefined));
    if (!library) return undefined;
    return {
      metrics: this.#find<MetricService>(library.MetricService),
      traces: this.#find<TraceService>(library.TraceService),
    };
  }

  #find<T>(token: Type<T>): T | undefined {
    try {
      return this.modules.get(token, { strict: false });
    } catch {
      return undefined;
    }
  }
}
