/** Examples that wait for what really happened; in arrays of one length each, for they are many. Pure. */
import { Features } from './features.js';
import type { Example } from './ftrl.js';
import type { Horizon } from '../core/predictor.js';

const MOST = 4_096;
/** An example may wait for so many ticks before fewer of them are taken. */
const TICKS = 32;

type Head = 'soon' | 'within';
export type Teach = (head: Head, example: Example, label: 0 | 1) => void;

export class PendingExamples {
  readonly #id = new Int32Array(MOST);
  readonly #taken = new Float64Array(MOST);
  readonly #soonDue = new Float64Array(MOST);
  readonly #due = new Float64Array(MOST);
  readonly #at = new Int32Array(MOST * Features.length);
  readonly #soon = new Float32Array(MOST * Features.length);
  readonly #within = new Float32Array(MOST * Features.length);
  /** Keys whose examples are of no use any more. */
  readonly #gone = new Set<number>();
  #size = 0;

  /** Which share of examples that wait for so many ticks is to be taken. */
  share(ticks: number): number {
    return Math.min(1, TICKS / Math.max(ticks, 1));
  }

  add(id: number, { now, soon, ttl }: Horizon, features: Features): void {
    if (this.#size === MOST) return;
    const row = this.#size++;
    this.#id[row] = id;
    this.#taken[row] = now;
    this.#soonDue[row] = now + soon;
    this.#due[row] = now + ttl;
    this.#at.set(features.at, row * Features.length);
    this.#soon.set(features.soon, row * Features.length);
    this.#within.set(features.within, row * Features.length);
  }

  /** The key is another one from now on. */
  forget(id: number): void {
    this.#gone.add(id);
  }

  /** Teaches what is known by now, before more is added; `last` = when each key was last asked for. */
  label(now: number, last: Float64Array, teach: Teach): void {
    for (let row = 0; row < this.#size;) {
      const gone = this.#gone.has(this.#id[row]);
      if (!gone) this.#teach(row, now, last, teach);
      // The last one takes its place, so that the others stay where they are.
      if (gone || now >= this.#due[row]) this.#move(--this.#size, row);
      else row++;
    }
    this.#gone.clear();
  }

  #teach(row: number, now: number, last: Float64Array, teach: Teach): void {
    const label = last[this.#id[row]] > this.#taken[row] ? 1 : 0;
    if (now >= this.#soonDue[row]) {
      teach('soon', this.#example(row, this.#soon), label);
      this.#soonDue[row] = Infinity;
    }
    if (now >= this.#due[row]) teach('within', this.#example(row, this.#within), label);
  }

  #example(row: number, values: Float32Array): Example {
    const [from, to] = [row * Features.length, (row + 1) * Features.length];
    return { at: this.#at.subarray(from, to), values: values.subarray(from, to) };
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    this.#id[to] = this.#id[from];
    this.#taken[to] = this.#taken[from];
    this.#soonDue[to] = this.#soonDue[from];
    this.#due[to] = this.#due[from];
    const [start, end] = [from * Features.length, (from + 1) * Features.length];
    for (const column of [this.#at, this.#soon, this.#within])
      column.copyWithin(to * Features.length, start, end);
  }
}
