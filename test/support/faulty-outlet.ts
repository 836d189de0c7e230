/** One direction of one connection as a bad network treats it; which faults there are now is said by its proxy. */
import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Outlet } from './proxy.js';

/** What is wrong with a direction. */
export interface Fault {
  /** Everything comes this much later, ms. */
  readonly latency?: number;
  /** And at most this much more, by chance; never out of order. */
  readonly jitter?: number;
  readonly bytesPerSecond?: number;
  /** In frames of so many bytes. */
  readonly slice?: number;
  /** Everything is lost. */
  readonly drop?: boolean;
}

/** A slow way hands over what has come so often. */
const PORTION_MS = 20;

export class FaultyOutlet implements Outlet {
  /** Something was lost: nothing of this connection can come through any more. */
  lost = false;
  readonly #queue: { readonly bytes: Buffer; readonly due: number }[] = [];
  #busy = false;
  #breakOff: (() => void) | undefined;

  constructor(
    readonly to: Socket,
    readonly fault: () => Fault,
    readonly random: () => number,
  ) {}

  write(bytes: Buffer): void {
    const { latency = 0, jitter = 0, drop = false } = this.fault();
    if (drop) this.lost = true;
    if (this.lost) return;
    this.#queue.push({ bytes, due: performance.now() + latency + jitter * this.random() });
    if (!this.#busy) void this.#deliver();
  }

  /** The next bytes come half, and then nothing more; resolves when that has happened. */
  breakOff(): Promise<void> {
    return new Promise((resolve) => (this.#breakOff = resolve));
  }

  async #deliver(): Promise<void> {
    this.#busy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const wait = next.due - performance.now();
      if (wait > 0) await sleep(wait);
      const { bytesPerSecond, slice } = this.fault();
      const portion = bytesPerSecond && Math.ceil((bytesPerSecond * PORTION_MS) / 1_000);
      const frame = slice ?? portion ?? next.bytes.length;
      for (let at = 0; at < next.bytes.length; at += frame) {
        const bytes = next.bytes.subarray(at, at + frame);
        if (bytesPerSecond) await sleep((bytes.length / bytesPerSecond) * 1_000);
        // Frames that are written in one turn would arrive as one.
        else if (at > 0) await turn();
        if (this.to.destroyed) return;
        this.#pass(bytes);
      }
    }
    this.#busy = false;
  }

  #pass(bytes: Buffer): void {
    const breakOff = this.#breakOff;
    if (!breakOff) {
      this.to.write(bytes);
      return;
    }
    this.#breakOff = undefined;
    this.lost = true;
    // The reset must not overtake them.
    this.to.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => breakOff());
  }
}
