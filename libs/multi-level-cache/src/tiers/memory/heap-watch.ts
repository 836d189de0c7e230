/** Looks at the heap in time, and has L1 let go what it may hold no more. By which rule is pressure.ts. */
import type { Clock, Timer } from '../../core/clock.js';
import { LOOK_MS, Pressure, type Heap } from './pressure.js';

/** Whose bytes they are. */
export interface Holder {
  /** Bytes in L1. */
  held(): number;
  /** To hold no more than the bound, from now on. */
  shrink(): void;
  /** L1 holds less than it was given, or all again. */
  changed(less: boolean): void;
}

/** Once a second while something is held, and in between where much comes in. */
export class HeapWatch {
  readonly #pressure: Pressure;
  #timer: Timer | undefined;

  constructor(
    readonly most: number,
    readonly clock: Clock,
    readonly holder: Holder,
    read?: () => Heap,
  ) {
    this.#pressure = new Pressure(most, read);
  }

  get bound(): number {
    return this.#pressure.bound;
  }

  /** Whether L1 holds less than it was given. */
  get on(): boolean {
    return this.#pressure.on;
  }

  /** An entry came in; the bound may be lower afterwards. */
  stored(bytes: number): void {
    this.#arm();
    if (this.#pressure.stored(bytes)) this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer ??= this.clock.after(LOOK_MS, () => {
      this.#timer = undefined;
      this.#look();
      this.holder.shrink();
      if (this.holder.held() > 0 || this.on) this.#arm();
    });
  }

  #look(): void {
    const { on } = this.#pressure;
    this.#pressure.look(this.holder.held(), this.clock.now());
    if (this.#pressure.on !== on) this.holder.changed(!on);
  }
}
