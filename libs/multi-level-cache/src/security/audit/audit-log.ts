/** The audit log of one process: takes events without ever making their callers wait, and leaves the rest to its writer. */
import type { Audit, AuditEvent, AuditSink, AuditStats } from '../../core/audit.js';
import type { AuditOptions } from '../../core/audit-options.js';
import { chance, wallTime, type Clock, type Timer } from '../../core/clock.js';
import { isCacheError } from '../../core/errors.js';
import type { Origin } from './chain.js';
import { Ring } from './ring.js';
import { keeps } from './sampling.js';
import { AuditWriter, type Heard } from './writer.js';

/** As many events may be lost at most when the process dies, beside one batch. */
export const RING_SIZE = 10_000;
const CONTACT_MS = 1_000;
const CLOSE_MS = 3_000;

export interface AuditLogParts {
  readonly sink: AuditSink;
  readonly second?: AuditSink | undefined;
  readonly origin: Origin;
  readonly clock: Clock;
  readonly wall?: () => number;
  readonly random?: () => number;
  readonly ringSize?: number;
}

export class AuditLog implements Audit {
  readonly #ring: Ring<Heard>;
  readonly #writer: AuditWriter;
  readonly #wall: () => number;
  readonly #random: () => number;
  #recorded = 0;
  #closing: Promise<void> | undefined;

  constructor(
    readonly options: Omit<AuditOptions, 'sink' | 'checkpoints'>,
    readonly parts: AuditLogParts,
  ) {
    const { clock, origin, random = chance, sink, second, wall = wallTime } = parts;
    const { key, retention } = options;
    this.#wall = wall;
    this.#random = random;
    this.#ring = new Ring(parts.ringSize ?? RING_SIZE);
    this.#writer = new AuditWriter(this.#ring, {
      sink,
      second,
      key,
      retention,
      origin,
      clock,
      wall,
    });
  }

  get refuses(): boolean {
    return this.options.strict && !this.#writer.healthy;
  }

  get hearsReads(): boolean {
    return this.options.reads > 0;
  }

  async open(): Promise<void> {
    this.#writer.start();
    await this.#within(CONTACT_MS, this.#writer.contact);
    const { keyFault } = this.#writer;
    // A provider that is away for a moment is asked again; what it gave and is no key stays none.
    if (isCacheError(keyFault, 'CACHE_CONFIG_INVALID')) {
      await this.close();
      throw keyFault;
    }
  }

  record(event: AuditEvent): void {
    if (!keeps(event, this.options, this.#random)) return;
    this.#recorded++;
    if (this.#closing || !this.#ring.push({ event, ts: this.#wall() })) this.#writer.lose();
    else this.#writer.wake();
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  stats(): AuditStats {
    const { counts, healthy } = this.#writer;
    return { recorded: this.#recorded, ...counts, healthy };
  }

  async #close(): Promise<void> {
    const { sink, second } = this.parts;
    this.#writer.finish();
    await this.#within(CLOSE_MS, this.#writer.ended);
    const { left, counts } = this.#writer;
    counts.dropped += left;
    if (left > 0)
      process.emitWarning(
        `the audit log lost ${left} records: its sink did not take them before the end`,
      );
    await this.#within(
      CONTACT_MS,
      Promise.allSettled([sink, second].map(async (one) => one?.close?.())),
    );
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.parts.clock.after(ms, resolve);
    });
    await Promise.race([work, late]);
    timer?.cancel();
  }
}
