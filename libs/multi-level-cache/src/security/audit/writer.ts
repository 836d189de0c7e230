/** Takes events out of the ring, links them to the chain, and gives them to the sink: one batch after the other, until it has them. */
import type { AuditEvent, AuditRecord, AuditSink } from '../../core/audit.js';
import type { AuditKey } from '../../core/audit-options.js';
import type { Clock } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';
import { Chain, type Origin } from './chain.js';
import type { Ring } from './ring.js';
import { AuditSeal } from './seal.js';

/** As many as go out together; the rest gathers meanwhile. */
const BATCH = 1_000;
/** Linking so many takes about half a millisecond, then others have their turn. */
const SLICE = 50;
const CHECKPOINT_RECORDS = 1_000;
const BEAT_MS = 60_000;
/** Chains are removed as a whole, so they must not grow for ever. */
const CHAIN_MS = 86_400_000;
/** Longer than a sink of our own takes to give up by itself. */
const SILENCE_MS = 10_000;
const RETRY_MS = [50, 5_000] as const;
/** At the end a sink that is away is not waited for. */
const LAST_TRIES = 3;

/** An event with its wall time. */
export interface Heard {
  readonly event: AuditEvent;
  readonly ts: number;
}

export interface WriterParts {
  readonly sink: AuditSink;
  /** Gets the checkpoints as well. */
  readonly second: AuditSink | undefined;
  readonly key: () => AuditKey | Promise<AuditKey>;
  readonly retention: number;
  readonly origin: Origin;
  readonly clock: Clock;
  readonly wall: () => number;
}

export class AuditWriter {
  readonly counts = { written: 0, dropped: 0, failed: 0 };
  /** Resolves when key and sink have answered for the first time, well or not. */
  readonly contact: Promise<void>;
  /** Resolves when the last record has been written or given up. */
  readonly ended: Promise<void>;
  /** Why the key is no key. */
  keyFault: unknown;
  #answered!: () => void;
  #end!: () => void;
  #failing = true;
  #seal: AuditSeal | undefined;
  #chain: Chain | undefined;
  /** Up to which record, and when, the last checkpoint was made. */
  #marked = 0;
  #markedAt = -Infinity;
  #lost = 0;
  #inHand = 0;
  #running: Promise<void> | undefined;
  #started = false;
  #ending = false;
  #done = false;
  #triesLeft = LAST_TRIES;
  #beat = false;
  #endPause: (() => void) | undefined;
  readonly #silence: Deadline;

  constructor(
    readonly ring: Ring<Heard>,
    readonly parts: WriterParts,
  ) {
    this.#silence = new Deadline(parts.clock, SILENCE_MS, 'the audit sink');
    this.contact = new Promise((resolve) => (this.#answered = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  get healthy(): boolean {
    return this.#chain !== undefined && !this.#failing && !this.ring.full;
  }

  /** Not written yet: in the ring, or on its way. */
  get left(): number {
    return this.ring.size + this.#inHand;
  }

  start(): void {
    this.#started = true;
    this.#beatLater();
    this.wake();
  }

  /** There was no room for an event; a record says so as soon as there is. */
  lose(): void {
    this.#lost++;
    this.counts.dropped++;
  }

  wake(): void {
    if (!this.#started || this.#running || this.#done) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      // What came after the last look.
      if (this.#hasWork || (this.#ending && !this.#done)) this.wake();
    });
  }

  async flush(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** No event comes any more. */
  finish(): void {
    this.#ending = true;
    this.#endPause?.();
    if (this.#started) this.wake();
    else this.#end();
  }

  get #hasWork(): boolean {
    if (this.#done || (this.#ending && this.#triesLeft < 0)) return false;
    return this.ring.size > 0 || this.#lost > 0 || this.#beat;
  }

  async #run(): Promise<void> {
    // What is recorded in one tick goes out together, and nothing is done for it in the call that records it.
    await this.parts.clock.turn();
    let chain = this.#chain ?? (await this.#begin());
    while (chain && this.#hasWork) {
      this.#beat = false;
      const done = await this.#deliver(await this.#link(chain));
      if (!done) break;
      if (this.parts.wall() - chain.openedAt >= CHAIN_MS) chain = await this.#renew(chain);
      else await this.#mark(chain, false);
    }
    if (!this.#ending) return;
    if (chain && this.#triesLeft >= 0) await this.#close(chain);
    this.#done = true;
    this.#end();
  }

  /** A chain with its first records; `undefined` = given up. */
  async #begin(before?: Chain): Promise<Chain | undefined> {
    const { origin, retention, sink, wall } = this.parts;
    const seal = await this.#askKey();
    if (!seal) return undefined;
    const rotated = this.#seal !== undefined && !sameKey(this.#seal, seal);
    this.#seal = seal;
    const now = wall();
    const chain = new Chain(seal, origin, now);
    const notes: AuditEvent[] = [{ type: 'chain-open', reason: before?.id }];
    if (rotated) notes.push({ type: 'key-rotation', reason: 'audit key' });
    const cutoff = Math.floor(now - retention);
    // Before anything goes: a verifier has to know that it was us.
    if (sink.prune) notes.push({ type: 'retention', reason: new Date(cutoff).toISOString() });
    const done = await this.#deliver(notes.map((event) => chain.add(event, now)));
    if (!done) return undefined;
    this.#chain = chain;
    this.#marked = -CHECKPOINT_RECORDS;
    await this.#mark(chain, false);
    // Beside the records, which do not wait for it.
    void this.#prune(cutoff);
    return chain;
  }

  async #prune(cutoff: number): Promise<void> {
    try {
      await this.parts.sink.prune?.(cutoff);
    } catch {
      this.counts.failed++;
    }
  }

  async #renew(chain: Chain): Promise<Chain | undefined> {
    await this.#close(chain);
    this.#chain = undefined;
    return this.#begin(chain);
  }

  async #close(chain: Chain): Promise<void> {
    const last = chain.add({ type: 'chain-close', count: chain.seq + 1 }, this.parts.wall());
    if (await this.#deliver([last])) await this.#mark(chain, true);
  }

  /** Where it cannot be had any more, the one that is known goes on. */
  async #askKey(): Promise<AuditSeal | undefined> {
    for (let tries = 0; ; tries++) {
      try {
        return new AuditSeal(await this.parts.key());
      } catch (error) {
        this.counts.failed++;
        if (this.#seal) return this.#seal;
        this.keyFault = error;
        this.#answered();
      }
      if (!(await this.#again(tries))) return undefined;
    }
  }

  async #link(chain: Chain): Promise<AuditRecord[]> {
    const { clock, wall } = this.parts;
    const heard = this.ring.take(BATCH);
    this.#inHand = heard.length;
    if (this.#lost > 0) {
      const event = { type: 'overflow', outcome: 'error', count: this.#lost } as const;
      this.#lost = 0;
      heard.push({ event, ts: wall() });
    }
    const records: AuditRecord[] = [];
    for (const [at, { event, ts }] of heard.entries()) {
      if (at % SLICE === SLICE - 1) await clock.turn();
      try {
        records.push(chain.add(event, ts));
      } catch {
        // An application's own event that is none.
        this.counts.dropped++;
      }
    }
    return records;
  }

  /** `false` = given up, at the end. */
  async #deliver(records: readonly AuditRecord[]): Promise<boolean> {
    if (records.length === 0) return true;
    this.#inHand = records.length;
    for (let tries = 0; ; tries++) {
      const done = await this.#try(() => this.parts.sink.write(records));
      this.#failing = !done;
      this.#answered();
      if (done) break;
      if (!(await this.#again(tries))) return false;
    }
    this.counts.written += records.length;
    this.#inHand = 0;
    return true;
  }

  async #mark(chain: Chain, closed: boolean): Promise<void> {
    const { clock, second, sink, wall } = this.parts;
    const due = this.#markedAt + BEAT_MS <= clock.now();
    if (!closed && !due && chain.seq - this.#marked < CHECKPOINT_RECORDS) return;
    this.#marked = chain.seq;
    this.#markedAt = clock.now();
    const checkpoint = chain.checkpoint(wall(), closed);
    for (const one of [sink, second])
      if (one?.checkpoint) await this.#try(async () => one.checkpoint!(checkpoint));
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

  /** Waits, longer each time; `false` = no more tries. */
  async #again(tries: number): Promise<boolean> {
    if (this.#ending) return --this.#triesLeft >= 0;
    const [first, most] = RETRY_MS;
    await new Promise<void>((resolve) => {
      const timer = this.parts.clock.after(Math.min(first * 2 ** tries, most), resolve);
      this.#endPause = () => (timer.cancel(), resolve());
    });
    this.#endPause = undefined;
    return true;
  }

  #beatLater(): void {
    this.parts.clock.after(BEAT_MS, () => {
      if (this.#ending) return;
      this.#beat = true;
      this.wake();
      this.#beatLater();
    });
  }
}

function sameKey(a: AuditSeal, b: AuditSeal): boolean {
  return a.name('key', '') === b.name('key', '');
}
