/** Stops asking a store that is slow or fails, and finds out by itself when to ask again: nobody's call is spent on that. */
import type { Clock, Timer } from '../core/clock.js';

/** Calls that are looked at, and how many of them there must be. */
const WINDOW = 50;
const LEAST = 10;
/** Bad ones in a row, or this share of the window, open it. */
const IN_A_ROW = 5;
const SHARE = 0.5;
/** Between two probes: at first, and at most, ms. */
const FIRST_MS = 250;
const LONGEST_MS = 1_000;

/**
 * Closed it counts; open it refuses everything, and a probe of its own closes it (Nygard, "Release It!"). Slow is bad: a store
 * that answers after every caller has gone on costs more than one that is gone.
 */
export class CircuitBreaker {
  readonly #bad: boolean[] = [];
  #next = 0;
  #count = 0;
  #row = 0;
  #open = false;
  #wait = FIRST_MS;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    readonly clock: Clock,
    readonly random: () => number,
    /** Resolves where the store answers in time. */
    readonly probe: () => Promise<unknown>,
    readonly onChange: (open: boolean) => void = () => undefined,
  ) {}

  /** The store is not to be asked. */
  get open(): boolean {
    return this.#open;
  }

  /** A call came to its end; what was sent before it opened counts no more. */
  ended(well: boolean): void {
    if (this.#open || this.#stopped) return;
    this.#row = well ? 0 : this.#row + 1;
    if (this.#bad[this.#next]) this.#count--;
    this.#bad[this.#next] = !well;
    if (!well) this.#count++;
    this.#next = (this.#next + 1) % WINDOW;
    const calls = this.#bad.length;
    if (this.#row >= IN_A_ROW || (calls >= LEAST && this.#count >= calls * SHARE)) this.#trip();
  }

  /** Neither counts nor probes any more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #close(): void {
    this.#wait = FIRST_MS;
    this.#open = false;
    this.onChange(false);
  }

  #trip(): void {
    this.#bad.length = 0;
    this.#next = 0;
    this.#count = 0;
    this.#row = 0;
    this.#open = true;
    this.#probeLater();
    this.onChange(true);
  }

  /** Not all processes at the same time. */
  #probeLater(): void {
    const ms = this.#wait * (0.75 + this.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_MS);
    this.#timer = this.clock.after(ms, () => {
      this.probe().then(
        () => {
          if (!this.#stopped) this.#close();
        },
        () => {
          if (!this.#stopped) this.#probeLater();
        },
      );
    });
  }
}
