/**
 * OpenTelemetry of the demo: metrics for Prometheus on its own port, and both metrics and traces by OTLP where
 * OTEL_EXPORTER_OTLP_ENDPOINT says. Imported first: instruments made before the SDK stay silent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const exported = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] !== undefined;
const exporter = new PrometheusExporter({ preventServerStart: true });
const meters = new MeterProvider({
  readers: [
    exporter,
    ...(exported
      ? [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })]
      : []),
  ],
});
metrics.setGlobalMeterProvider(meters);

const tracers = exported
  ? new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
  : undefined;
if (tracers) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracers);
}

/** Answers a scrape. */
export function scrape(request: IncomingMessage, response: ServerResponse): void {
  exporter.getMetricsRequestHandler(request, response);
}

/** What has been counted goes now: the cache takes its counters along when it closes. */
export function flushTelemetry(): Promise<void> {
  return atMost(meters.forceFlush());
}

export function stopTelemetry(): Promise<void> {
  return atMost(Promise.allSettled([meters.shutdown(), tracers?.shutdown()]));
}

/** A collector that is away is not waited for. */
async function atMost(work: Promise<unknown>): Promise<void> {
  const late = new Promise((resolve) => setTimeout(resolve, 2_000).unref());
  await Promise.race([work.catch(() => undefined), late]);
}
