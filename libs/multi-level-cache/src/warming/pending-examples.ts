/** Examples that wait for what really happened; in arrays of one length each, for they are many. Pure. */
import { Features } from './features.js';
import type { Example } from './ftrl.js';
import type { Horizon } from '../core/predictor.js';

const MOST = 4_096;
/** An example may wait for so many ticks before fewer of them are taken. */
const TICKS = 32;
const GONE = -1;

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
    for (let row = 0; row < this.#size; row++) if (this.#id[row] === id) this.#id[row] = GONE;
  }

  /** Teaches what is known by now; `last` = when each key was last asked for. */
  label(now: number, last: Float64Array, teach: Teach): void {
    let kept = 0;
    for (let row = 0; row < this.#size; row++) {
      const id = this.#id[row];
      if (id === GONE) continue;
      const label = last[id] > this.#taken[row] ? 1 : 0;
      if (now >= this.#soonDue[row]) {
        teach('soon', this.#example(row, this.#soon), label);
        this.#soonDue[row] = Infinity;
      }
      if (now >= this.#due[row]) teach('within', this.#example(row, this.#within), label);
      else this.#move(row, kept++);
    }
    this.#size = kept;
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
