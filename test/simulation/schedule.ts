/** Virtual time and seeded chance: one seed is one run, and the same run every time. */
import type { Clock, Timer } from '../../libs/multi-level-cache/src/core/clock.js';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/** All that will happen, in the order of its time. Nothing else moves the world on. */
export class Schedule {
  #now = 0;
  #order = 0;
  /** A heap: the soonest event at 0. */
  readonly #heap: Event[] = [];

  constructor(readonly random: () => number) {}

  get now(): number {
    return this.#now;
  }

  at(time: number, task: () => void): Timer {
    const event: Event = {
      at: Math.max(time, this.#now),
      order: this.#order++,
      task,
      cancelled: false,
    };
    this.#push(event);
    return { cancel: () => (event.cancelled = true) };
  }

  after(ms: number, task: () => void): Timer {
    return this.at(this.#now + ms, task);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** A number in [least, most). */
  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)];
  }

  /** Runs everything that falls due until `end`; after each event all that follows from it at once. */
  async runUntil(end: number): Promise<void> {
    await settled();
    for (let next = this.#heap[0]; next && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      if (next.cancelled) continue;
      this.#now = next.at;
      next.task();
      await settled();
    }
    this.#now = end;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function before(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Promises and ticks that are due have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The clock of one process: it may run ahead of the others', or behind, and ends with its process. */
export class ProcessClock implements Clock {
  #dead = false;

  constructor(
    readonly schedule: Schedule,
    readonly offset: number,
  ) {}

  now(): number {
    return this.schedule.now + this.offset;
  }

  coarse(): number {
    return this.now();
  }

  after(ms: number, task: () => void): Timer {
    return this.schedule.after(ms, () => {
      if (!this.#dead) task();
    });
  }

  turn(): Promise<void> {
    return settled();
  }

  /** Nothing of this process happens any more. */
  stop(): void {
    this.#dead = true;
  }
}
