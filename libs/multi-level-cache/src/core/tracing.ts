/** What work below memory looks like to a tracer: nothing while there is none, and nothing of it is on the path of a hit in memory. */
import type { OperationName, TierOperationName } from './events.js';
import type { TierName } from './tier.js';

/** What a span says of itself; never a key, a tag or a tenant. */
export interface SpanFacts {
  readonly cache?: string | undefined;
  readonly tier?: TierName | 'none' | undefined;
  readonly operation?: OperationName | TierOperationName | undefined;
  readonly result?: string | undefined;
  /** It waited for a load that somebody else had begun. */
  readonly coalesced?: boolean | undefined;
  /** A tier was not asked, or did not answer. */
  readonly degraded?: boolean | undefined;
  /** Why a loader ran. */
  readonly trigger?: 'miss' | 'stale' | 'eager' | 'warm' | undefined;
  /** Keys or tags. */
  readonly count?: number | undefined;
  readonly planned?: number | undefined;
  readonly loaded?: number | undefined;
  readonly skipped?: number | undefined;
}

/** What spans are made for. `operation`: a caller's. `tier`: one step of it. `apply`: what another process has changed. */
export type SpanKind = 'operation' | 'tier' | 'load' | 'warm' | 'apply';

/** What telemetry stands behind. */
export interface Tracer {
  /** Whether the caller's trace is recorded. */
  readonly records: boolean;
  /** Runs `work` in a span of the caller's trace; where that is not recorded it only runs it. A rejection is the span's error. */
  inside<T>(
    kind: SpanKind,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome?: (value: T) => SpanFacts,
  ): Promise<T>;
  /** The same in a trace of its own, linked with the one in which it was begun. */
  apart<T>(
    kind: SpanKind,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome?: (value: T) => SpanFacts,
  ): Promise<T>;
  /** The running span for other processes, as a W3C `traceparent`, if it is recorded. */
  parent(): string | undefined;
  /** Something was done here that belongs to a trace of another process. */
  heard(trace: string, facts: SpanFacts): void;
  /** Without spans of anybody's, as long as it runs and in what it sets going. */
  quietly<T>(work: () => T): T;
}

/** Where a tracer is put once there is one. */
export class Tracing {
  tracer: Tracer | undefined;

  /** Whether what the present caller does would be a span. */
  get on(): boolean {
    return this.tracer !== undefined && this.tracer.records;
  }

  inside<T>(
    kind: SpanKind,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome?: (value: T) => SpanFacts,
  ): Promise<T> {
    return this.tracer ? this.tracer.inside(kind, facts, work, outcome) : work();
  }

  parent(): string | undefined {
    return this.tracer?.parent();
  }

  quietly<T>(work: () => T): T {
    return this.tracer ? this.tracer.quietly(work) : work();
  }
}
