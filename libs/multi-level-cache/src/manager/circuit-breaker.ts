/** Stops asking a store that is slow or fails, and finds out when to ask again at the cost of one call at most. */
import type { Clock, Timer } from '../core/clock.js';
import type { Trouble } from '../core/tier.js';

/** Calls that are looked at, and how many of them there must be. */
const WINDOW = 50;
const LEAST = 10;
/** Bad ones in a row, or this share of the window, open it. */
const IN_A_ROW = 5;
const SHARE = 0.5;
/** Between two tries: at first, and at most, ms. */
const FIRST_MS = 250;
const LONGEST_MS = 1_000;

export interface BreakerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Resolves where the store answers in time; without one, a single call of a user's is let through. */
  readonly probe?: () => Promise<unknown>;
  readonly onChange?: (open: boolean) => void;
}

/**
 * Closed it counts; open it refuses everything, and a probe or one call on trial closes it (Nygard, "Release It!"). Slow is
 * bad: a store that answers after every caller has gone on costs more than one that is gone.
 */
export class CircuitBreaker {
  /** What the call said that opened it. */
  cause: Trouble | undefined;
  readonly #bad: boolean[] = [];
  #next = 0;
  #count = 0;
  #row = 0;
  #open = false;
  /** One call may find out whether the store is well. */
  #trial = false;
  /** Of calls that began in the present state: earlier ones say nothing about it. */
  #generation = 1;
  #wait = FIRST_MS;
  #timer: Timer | undefined;
  /** A probe that has not ended: a second one beside it would find out nothing, and plan a third. */
  #probing: Promise<void> | undefined;
  #stopped = false;

  constructor(readonly options: BreakerOptions) {}

  /** The store is not well. */
  get open(): boolean {
    return this.#open;
  }

  /** It is being found out whether the store is well again. */
  get trying(): boolean {
    return this.#open && (this.#trial || this.#probing !== undefined);
  }

  /** Whether the next call may go. */
  get admits(): boolean {
    return !this.#open || this.#trial;
  }

  /** A call begins: what its end is to be told with; `undefined` = it must not. */
  begin(): number | undefined {
    if (!this.admits) return undefined;
    this.#trial = false;
    return this.#generation;
  }

  /** A call came to its end: well, or with this trouble. */
  ended(call: number, trouble?: Trouble): void {
    if (call !== this.#generation || this.#stopped) return;
    if (this.#open) this.#tried(trouble);
    else {
      this.#observe(trouble !== undefined);
      const calls = this.#bad.length;
      const share = calls >= LEAST && this.#count >= calls * SHARE;
      if (trouble && (this.#row >= IN_A_ROW || share)) this.#trip(trouble);
    }
  }

  /**
   * What would be tried later is tried now; resolves when the probe has ended, whatever it found. Without a probe the next call goes.
   * Nothing where it is closed.
   */
  tryNow(): Promise<void> {
    if (!this.#open || this.#stopped) return Promise.resolve();
    this.#timer?.cancel();
    return this.#try();
  }

  /** Neither counts nor probes any more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #observe(bad: boolean): void {
    this.#row = bad ? this.#row + 1 : 0;
    if (this.#bad[this.#next]) this.#count--;
    this.#bad[this.#next] = bad;
    if (bad) this.#count++;
    this.#next = (this.#next + 1) % WINDOW;
  }

  #trip(cause: Trouble): void {
    this.#bad.length = 0;
    this.#next = 0;
    this.#count = 0;
    this.#row = 0;
    this.#open = true;
    this.#generation++;
    this.cause = cause;
    this.#tryLater();
    this.options.onChange?.(true);
  }

  #tried(trouble: Trouble | undefined): void {
    if (trouble) {
      this.cause = trouble;
      this.#tryLater();
      return;
    }
    this.#wait = FIRST_MS;
    this.#open = false;
    this.#generation++;
    this.cause = undefined;
    this.options.onChange?.(false);
  }

  /** Not all processes at the same time. */
  #tryLater(): void {
    const { clock, random } = this.options;
    const ms = this.#wait * (0.75 + random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_MS);
    this.#timer?.cancel();
    this.#timer = clock.after(ms, () => void this.#try());
  }

  #try(): Promise<void> {
    const { probe } = this.options;
    if (!probe) {
      this.#trial = true;
      return Promise.resolve();
    }
    return (this.#probing ??= this.#probe(probe));
  }

  /** Of the state in which it began: it says nothing about a later one. */
  async #probe(probe: () => Promise<unknown>): Promise<void> {
    const call = this.#generation;
    const isWell = await probe().then(
      () => true,
      () => false,
    );
    this.#probing = undefined;
    if (isWell) this.ended(call);
    else if (!this.#stopped && call === this.#generation) this.#tryLater();
  }
}
