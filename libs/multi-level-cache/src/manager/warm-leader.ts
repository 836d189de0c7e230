/** Which one of several processes plans: the one that holds a lease in Redis. It ends by itself if its holder is gone. */
import type { Timer } from '../core/clock.js';
import type { Address } from '../core/key.js';
import type { Ticket } from '../core/tier.js';
import type { Parts } from './parts.js';
import { NOTHING } from './tier-guard.js';

/** Half of a lease: a leader renews it so often, and others try to get it. */
const EVERY_MS = 1_000;

export class WarmLeader {
  #ticket: Ticket | undefined;
  #address: Address | undefined;
  #timer: Timer | undefined;
  #asking: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly parts: Parts,
    /** Of the lease. */
    readonly place: () => Address,
  ) {}

  /** Without L2 every process is its own leader; while L2 is away nobody is. */
  get leads(): boolean {
    return !this.parts.l2 || this.#ticket !== undefined;
  }

  start(): void {
    if (!this.parts.l2 || this.#closed || this.#timer) return;
    void this.ask();
    this.#again();
  }

  /** Renews the lease, or tries to get it. */
  ask(): Promise<void> {
    return (this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    }));
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#ticket && this.#address) this.parts.l2?.release(this.#address, this.#ticket);
    this.#ticket = undefined;
  }

  async #ask(): Promise<void> {
    const { l2 } = this.parts;
    if (!l2 || this.#closed) return;
    const address = (this.#address ??= this.place());
    if (this.#ticket && (await l2.renew(address, this.#ticket))) return;
    this.#ticket = undefined;
    const reply = await l2.ticket(address, NOTHING);
    if (reply.kind !== 'granted') return;
    if (this.#closed) l2.release(address, reply.ticket);
    else this.#ticket = reply.ticket;
  }

  /** Not all at the same time. */
  #again(): void {
    const { clock, random } = this.parts;
    this.#timer = clock.after(EVERY_MS * (0.75 + random() / 4), () => {
      void this.ask();
      if (!this.#closed) this.#again();
    });
  }
}
