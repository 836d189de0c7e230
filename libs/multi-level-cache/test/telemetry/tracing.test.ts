/** How a tracer gets to the cache: before it opens, from nestjs-otel where the application has it, and away with the application. */
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryModule } from 'nestjs-otel';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CACHE_L3, type Tier } from '../../src/index.js';
import { isRoot } from '../../src/manager/create-cache.js';
import { CacheTelemetryModule } from '../../src/nest/telemetry.js';
import { boot } from '../nest/boot.js';

let exporter: InMemorySpanExporter;

beforeEach(() => {
  exporter = new InMemorySpanExporter();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});
afterEach(() => {
  context.disable();
  trace.disable();
});

async function inRequest<T>(work: () => Promise<T>): Promise<T> {
  const span = trace.getTracer('test').startSpan('request', {}, ROOT_CONTEXT);
  return context.with(trace.setSpan(ROOT_CONTEXT, span), work);
}

/** A tier that is away, and notes whether what it begins when it is opened would be recorded. */
function noting(seen: boolean[]): Tier {
  const status = { state: 'down', entries: 0, bytes: 0, evictions: 0, corrupt: 0 } as const;
  return {
    name: 'l3',
    open: async () => {
      await Promise.resolve();
      seen.push(trace.getTracer('a client').startSpan('poll').isRecording());
    },
    close: () => Promise.resolve(),
    read: () => ({ state: 'absent' }),
    ticket: () => ({ kind: 'none' }),
    fill: () => false,
    apply: () => Promise.resolve(),
    status: () => status,
  };
}

it.each([
  ['the API', [], 'nestjs-multi-level-cache'],
  ['nestjs-otel', [OpenTelemetryModule.forRoot()], 'nestjs-otel'],
])('spans come out through %s', async (_through, more, scope) => {
  const { cache } = await boot({ imports: [CacheTelemetryModule, ...more] });
  await inRequest(() => cache.getOrSet('k', () => 1));
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name)).toEqual([
    'cache.load default',
    'cache.get_or_load default',
  ]);
  expect(new Set(spans.map(({ instrumentationScope }) => instrumentationScope.name))).toEqual(
    new Set([scope]),
  );
});

it('what the cache begins at boot is nobody’s trace, also where the application boots in one', async () => {
  const seen: boolean[] = [];
  await inRequest(() =>
    boot({ imports: [CacheTelemetryModule] }, (builder) =>
      builder.overrideProvider(CACHE_L3).useValue(noting(seen)),
    ),
  );
  expect(seen).toEqual([false]);
});

it('goes with the application', async () => {
  const { cache, module } = await boot({ imports: [CacheTelemetryModule] });
  const tracing = isRoot(cache) ? cache.tracing : undefined;
  expect(tracing?.tracer).toBeDefined();
  // Nobody's trace is recorded here.
  expect(tracing?.on).toBe(false);
  await module.close();
  expect(tracing?.tracer).toBeUndefined();
});

it('names of caches beyond sixty-four share one', async () => {
  const { cache } = await boot({ imports: [CacheTelemetryModule] });
  await inRequest(async () => {
    for (let at = 0; at < 70; at++) await cache.namespace(`c${at}`).getOrSet('k', () => 1);
  });
  const names = new Set(exporter.getFinishedSpans().map(({ name }) => name));
  expect(names.has('cache.load _other')).toBe(true);
  expect(names.size).toBeLessThanOrEqual(2 * 65);
});
