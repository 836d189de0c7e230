/** Takes events out of the ring, links them to the chain, and has them delivered: one batch after the other. */
import type { AuditEvent, AuditRecord, AuditSink } from '../../core/audit.js';
import type { AuditKey } from '../../core/audit-options.js';
import type { Clock } from '../../core/clock.js';
import { Chain, type Origin } from './chain.js';
import { Delivery } from './delivery.js';
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

/** An event with its wall time. */
export interface Heard {
  readonly event: AuditEvent;
  readonly ts: number;
}

export interface WriterParts {
  readonly sink: AuditSink;
  readonly second: AuditSink | undefined;
  readonly key: () => AuditKey | Promise<AuditKey>;
  readonly retention: number;
  readonly origin: Origin;
  readonly clock: Clock;
  readonly wall: () => number;
}

export class AuditWriter {
  /** Resolves when key and sink have answered for the first time, well or not. */
  readonly contact: Promise<void>;
  /** Resolves when the last record has been written or given up. */
  readonly ended: Promise<void>;
  /** Why the key is no key. */
  keyFault: unknown;
  readonly #delivery: Delivery;
  #answered!: () => void;
  #end!: () => void;
  #seal: AuditSeal | undefined;
  #chain: Chain | undefined;
  /** Up to which record, and when, the last checkpoint was made. */
  #marked = { seq: 0, at: 0 };
  /** Lost since the last record about it. */
  #lost = 0;
  #running: Promise<void> | undefined;
  #started = false;
  #ending = false;
  #done = false;
  #beat = false;

  constructor(
    readonly ring: Ring<Heard>,
    readonly parts: WriterParts,
  ) {
    this.#delivery = new Delivery(parts.sink, parts.second, parts.clock);
    this.contact = new Promise((resolve) => (this.#answered = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  get counts(): Delivery['counts'] {
    return this.#delivery.counts;
  }

  get healthy(): boolean {
    return this.#chain !== undefined && !this.#delivery.failing && !this.ring.full;
  }

  /** Not written yet: in the ring, or on its way. */
  get left(): number {
    return this.ring.size + this.#delivery.inHand;
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
      if (this.#hasWork || this.#ending) this.wake();
    });
  }

  async flush(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** No event comes any more. */
  finish(): void {
    this.#ending = true;
    this.#delivery.finish();
    if (this.#started) this.wake();
    else this.#end();
  }

  get #hasWork(): boolean {
    if (this.#done || this.#delivery.givenUp) return false;
    return this.ring.size > 0 || this.#lost > 0 || this.#beat;
  }

  async #run(): Promise<void> {
    // What is recorded in one tick goes out together, and nothing is done for it in the call that records it.
    await this.parts.clock.turn();
    let chain = this.#chain ?? (await this.#begin());
    while (chain && this.#hasWork) {
      this.#beat = false;
      if (!(await this.#delivery.records(await this.#link(chain)))) break;
      if (this.parts.wall() - chain.openedAt >= CHAIN_MS) chain = await this.#renew(chain);
      else await this.#mark(chain);
    }
    if (!this.#ending) return;
    if (chain && !this.#delivery.givenUp) await this.#close(chain);
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
    const records = notes.map((event) => chain.add(event, now));
    if (!(await this.#delivery.records(records, this.#answered))) return undefined;
    this.#chain = chain;
    this.#answered();
    await this.#checkpoint(chain, false);
    // Beside the records, which do not wait for it.
    void this.#delivery.prune(cutoff);
    return chain;
  }

  async #renew(chain: Chain): Promise<Chain | undefined> {
    await this.#close(chain);
    return this.#begin(chain);
  }

  async #close(chain: Chain): Promise<void> {
    const last = chain.add({ type: 'chain-close', count: chain.seq + 1 }, this.parts.wall());
    if (await this.#delivery.records([last])) await this.#checkpoint(chain, true);
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
      if (!(await this.#delivery.again(tries))) return undefined;
    }
  }

  async #link(chain: Chain): Promise<AuditRecord[]> {
    const { clock, wall } = this.parts;
    const heard = this.ring.take(BATCH);
    this.#delivery.inHand = heard.length;
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

  /** A checkpoint where one is due. */
  async #mark(chain: Chain): Promise<void> {
    const { seq, at } = this.#marked;
    const due = at + BEAT_MS <= this.parts.clock.now();
    if (due || chain.seq - seq >= CHECKPOINT_RECORDS) await this.#checkpoint(chain, false);
  }

  async #checkpoint(chain: Chain, closed: boolean): Promise<void> {
    this.#marked = { seq: chain.seq, at: this.parts.clock.now() };
    await this.#delivery.checkpoint(chain.checkpoint(this.parts.wall(), closed));
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
