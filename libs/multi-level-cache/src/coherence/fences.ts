/** Epochs of L1: what tells a fill that its key was written since its ticket was taken. Pure counting, no storage. */
import { hashOf } from '../core/hash.js';

const STRIPES = 65_536;

/** What a fill must find unchanged. */
export interface FenceTicket {
  readonly stripe: number;
  readonly epoch: number;
  readonly generation: number;
}

/**
 * One epoch per stripe of keys and one generation over all. Keys that share a stripe refuse each other's fills now and
 * then: a lost fill is a miss, never a stale value.
 */
export class Fences {
  readonly #epochs = new Uint32Array(STRIPES);
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  /** @param scope - hash of the id of its scope */
  ticket(scope: number, key: string): FenceTicket {
    const stripe = stripeOf(scope, key);
    return { stripe, epoch: this.#epochs[stripe], generation: this.#generation };
  }

  holds(ticket: FenceTicket): boolean {
    return ticket.generation === this.#generation && this.#epochs[ticket.stripe] === ticket.epoch;
  }

  /** The key was written: every ticket taken before is void. */
  bump(scope: number, key: string): void {
    this.#epochs[stripeOf(scope, key)]++;
  }

  /** Messages may have been missed: every ticket and every entry of before is void. */
  bumpAll(): void {
    this.#generation++;
  }
}

function stripeOf(scope: number, key: string): number {
  const hash = hashOf(key, scope);
  return (hash ^ (hash >>> 16)) & (STRIPES - 1);
}
