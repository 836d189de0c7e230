/** Metrics for Prometheus, on the demo's own port. Imported first: instruments made before the SDK stay silent. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

const exporter = new PrometheusExporter({ preventServerStart: true });
const provider = new MeterProvider({ readers: [exporter] });
metrics.setGlobalMeterProvider(provider);

/** Answers a scrape. */
export function scrape(request: IncomingMessage, response: ServerResponse): void {
  exporter.getMetricsRequestHandler(request, response);
}

export function stopTelemetry(): Promise<void> {
  return provider.shutdown();
}
