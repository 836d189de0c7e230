/** What the cache does below memory as spans of the caller's trace; where that is not recorded, nothing is made. */
import {
  context,
  createContextKey,
  ROOT_CONTEXT,
  SpanKind as Kind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import type { SpanFacts, SpanKind, Tracer } from '../core/tracing.js';
import { boundedCaches, errorType, type Bounded } from './bounded.js';
import { ATTRIBUTES, SPANS } from './names.js';

/** The SDK's own key; its package would be needed for nothing else. */
const SUPPRESS = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const TRACEPARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;

export class CacheTracer implements Tracer {
  readonly #caches: Bounded = boundedCaches();

  constructor(readonly tracer: OtelTracer) {}

  get records(): boolean {
    return recorded() !== undefined;
  }

  inside<T>(
    kind: SpanKind,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome?: (value: T) => SpanFacts,
  ): Promise<T> {
    const parent = recorded();
    // A round of warming is nobody's request.
    if (!parent && kind !== 'warm') return work();
    return this.#run(kind, facts, { root: !parent }, work, outcome);
  }

  apart<T>(
    kind: SpanKind,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome?: (value: T) => SpanFacts,
  ): Promise<T> {
    const from = recorded();
    if (!from) return work();
    return this.#run(kind, facts, { root: true, links: [{ context: from }] }, work, outcome);
  }

  parent(): string | undefined {
    const span = recorded();
    if (!span) return undefined;
    const { spanId, traceFlags, traceId } = span;
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  heard(told: string, facts: SpanFacts): void {
    const [, traceId, spanId, flags] = TRACEPARENT.exec(told) ?? [];
    if (traceId === undefined || spanId === undefined) return;
    const traceFlags = Number.parseInt(flags, 16);
    if ((traceFlags & TraceFlags.SAMPLED) === 0) return;
    const from = { traceId, spanId, traceFlags, isRemote: true };
    const options = { kind: Kind.CONSUMER, attributes: this.#attributes(facts) };
    this.tracer.startSpan(SPANS.apply, options, trace.setSpanContext(ROOT_CONTEXT, from)).end();
  }

  quietly<T>(work: () => T): T {
    return context.with(context.active().setValue(SUPPRESS, true), work);
  }

  async #run<T>(
    kind: SpanKind,
    facts: SpanFacts,
    options: SpanOptions,
    work: () => Promise<T>,
    outcome: ((value: T) => SpanFacts) | undefined,
  ): Promise<T> {
    const attributes = this.#attributes(facts);
    const active: Context = context.active();
    const span = this.tracer.startSpan(this.#name(kind, facts), { ...options, attributes }, active);
    try {
      const value = await context.with(trace.setSpan(active, span), work);
      if (outcome) span.setAttributes(this.#attributes(outcome(value)));
      return value;
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  #name(kind: SpanKind, { cache, operation, tier }: SpanFacts): string {
    if (kind === 'operation') return `${SPANS.operation}.${operation} ${this.#cache(cache)}`;
    if (kind === 'load') return `${SPANS.load} ${this.#cache(cache)}`;
    return kind === 'tier' ? `${SPANS.tier} ${tier}` : SPANS[kind];
  }

  #attributes({ cache, ...facts }: SpanFacts): Attributes {
    const attributes: Attributes = {};
    if (cache !== undefined) attributes[ATTRIBUTES.cache] = this.#cache(cache);
    for (const name in facts) {
      const value = facts[name as keyof typeof facts];
      if (value !== undefined) attributes[ATTRIBUTES[name as keyof typeof facts]] = value;
    }
    return attributes;
  }

  #cache(name = ''): string {
    return this.#caches.name(name);
  }
}

/** The running span, if its trace is recorded; it may have ended, as that of a request that does not wait. */
function recorded(): SpanContext | undefined {
  const found = trace.getSpan(context.active())?.spanContext();
  return found && (found.traceFlags & TraceFlags.SAMPLED) !== 0 ? found : undefined;
}

/** The message of an error may hold anything. */
function failed(span: Span, error: unknown): void {
  span.setAttribute(ATTRIBUTES.error, errorType(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
}
