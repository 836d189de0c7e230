/** Tells events and traces how long a caller's operation took and how it ended; one look while nobody listens. */
import type { Clock } from '../core/clock.js';
import type { CacheEvents, EventHub, OperationName } from '../core/events.js';
import type { SpanFacts, Tracing } from '../core/tracing.js';
import { Turns } from '../core/turns.js';

type ReadResult = NonNullable<CacheEvents['operation']['result']>;

/** What has come of an operation, as far as it is told. */
export interface Outcome extends SpanFacts {
  readonly result?: ReadResult | undefined;
}

const NOTHING: Outcome = {};

export class Watch {
  readonly #turns: Turns;

  constructor(
    readonly events: EventHub,
    readonly clock: Clock,
    readonly tracing: Tracing,
  ) {
    this.#turns = new Turns(clock);
  }

  /** Whether this operation is told: somebody would hear of it, and it is its turn. To be asked once for each. */
  tells(): boolean {
    return this.tracing.on || (this.events.has('operation') && this.#turns.take());
  }

  /**
   * Where it is told.
   *
   * @param outcome - of what `work` resolves with
   */
  operation<T>(
    cache: string,
    operation: OperationName,
    facts: SpanFacts,
    work: () => Promise<T>,
    outcome: (value: T) => Outcome = () => NOTHING,
  ): Promise<T> {
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
