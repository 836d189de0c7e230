/** Records once the request that was measured has gone on: a histogram of the SDK costs more than all else that is told of it. */
import type { Attributes, Histogram } from '@opentelemetry/api';

/** Then it is done at once: in a process that is never idle they would pile up. */
const MOST = 1_000;

type Waiting = readonly [into: Histogram, value: number, attributes: Attributes | undefined];

export class Later {
  #waiting: Waiting[] = [];

  record(into: Histogram, value: number, attributes?: Attributes): void {
    this.#waiting.push([into, value, attributes]);
    if (this.#waiting.length >= MOST) this.flush();
    else if (this.#waiting.length === 1) setImmediate(() => this.flush()).unref();
  }

  /** Now: somebody collects, or it is over. */
  flush(): void {
    const records = this.#waiting;
    if (records.length === 0) return;
    this.#waiting = [];
    for (const [into, value, attributes] of records) into.record(value, attributes);
  }
}
