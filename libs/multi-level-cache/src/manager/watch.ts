/** Tells events and traces how long a caller's operation took and how it ended; one look while nobody listens. */
import type { Clock } from '../core/clock.js';
import type { CacheEvents, EventHub, OperationName } from '../core/events.js';
import type { SpanFacts, Tracing } from '../core/tracing.js';

type ReadResult = NonNullable<CacheEvents['operation']['result']>;

/** What has come of an operation, as far as it is told. */
export interface Outcome extends SpanFacts {
  readonly result?: ReadResult | undefined;
}

const NOTHING: Outcome = {};

export class Watch {
  constructor(
    readonly events: EventHub,
    readonly clock: Clock,
    readonly tracing: Tracing,
  ) {}

  /** Whether anybody would hear of it. */
  get on(): boolean {
    return this.tracing.on || this.events.has('operation');
  }

  /** @param outcome - of what `work` resolves with */
  operation<T>(
    cache: string,
    operation: OperationName,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome: (value: T) => Outcome = () => NOTHING,
  ): Promise<T> {
    if (!this.on) return work();
    const { events, tracing } = this;
    const told = events.has('operation')
      ? () => this.#timed(cache, operation, work, outcome)
      : work;
    return tracing.inside('operation', { cache, operation, ...facts }, told, outcome);
  }

  async #timed<T>(
    cache: string,
    operation: OperationName,
    work: () => Promise<T>,
    outcome: (value: T) => Outcome,
  ): Promise<T> {
    const began = this.clock.now();
    const tell = (how: Pick<CacheEvents['operation'], 'result' | 'error'>): void =>
      this.events.emit('operation', {
        cache,
        operation,
        durationMs: this.clock.now() - began,
        ...how,
      });
    let value: T;
    try {
      value = await work();
    } catch (error) {
      tell({ result: 'error', error });
      throw error;
    }
    const { result, tier } = outcome(value);
    // What memory had after all took no time worth telling, and would bend what the rest takes.
    if (tier !== 'l1') tell(result === undefined ? {} : { result });
    return value;
  }
}
