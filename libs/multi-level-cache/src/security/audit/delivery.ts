/** Gives records and checkpoints to the sinks: again and again until they are taken, or until the end. */
import type { AuditCheckpoint, AuditRecord, AuditSink } from '../../core/audit.js';
import type { Clock } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';

/** Longer than a sink of our own takes to give up by itself. */
const SILENCE_MS = 10_000;
const RETRY_MS = [50, 5_000] as const;
/** At the end a sink that is away is not waited for. */
const LAST_TRIES = 3;

export class Delivery {
  readonly counts = { written: 0, dropped: 0, failed: 0 };
  /** The sink has not taken what it was given last. */
  failing = true;
  /** Given to the sink, or about to be, and not taken. */
  inHand = 0;
  #ending = false;
  #triesLeft = LAST_TRIES;
  #endPause: (() => void) | undefined;
  readonly #silence: Deadline;

  constructor(
    readonly sink: AuditSink,
    /** Gets the checkpoints as well. */
    readonly second: AuditSink | undefined,
    readonly clock: Clock,
  ) {
    this.#silence = new Deadline(clock, SILENCE_MS, 'the audit sink');
  }

  /** Nothing is tried any more. */
  get givenUp(): boolean {
    return this.#triesLeft < 0;
  }

  /** In order, once each; `false` = given up. */
  async records(records: readonly AuditRecord[], onFailure?: () => void): Promise<boolean> {
    this.inHand = records.length;
    if (records.length === 0) return true;
    for (let tries = 0; ; tries++) {
      this.failing = !(await this.#try(() => this.sink.write(records)));
      if (!this.failing) break;
      onFailure?.();
      if (!(await this.again(tries))) return false;
    }
    this.counts.written += records.length;
    this.inHand = 0;
    return true;
  }

  /** Once: the next one says more. */
  async checkpoint(checkpoint: AuditCheckpoint): Promise<void> {
    for (const one of [this.sink, this.second])
      if (one?.checkpoint) await this.#try(async () => one.checkpoint!(checkpoint));
  }

  async prune(before: number): Promise<void> {
    try {
      await this.sink.prune?.(before);
    } catch {
      this.counts.failed++;
    }
  }

  /** Waits, longer each time; `false` = no more tries. */
  async again(tries: number): Promise<boolean> {
    if (this.#ending) return --this.#triesLeft >= 0;
    const [first, most] = RETRY_MS;
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(Math.min(first * 2 ** tries, most), resolve);
      this.#endPause = () => (timer.cancel(), resolve());
    });
    this.#endPause = undefined;
    return true;
  }

  /** A few more tries, one after the other. */
  finish(): void {
    this.#ending = true;
    this.#endPause?.();
  }

  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await this.#silence.race(work());
      return true;
    } catch {
      this.counts.failed++;
      return false;
    }
  }
}
