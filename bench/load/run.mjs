// One run of load, seen from the generator: what is due is sent, what comes back is counted, and nothing is left out.
import { FAILED, WRITE } from './frames.mjs';
import { Histogram } from './histogram.mjs';

/**
 * Open loop: `due` says when each request is due, however late the ones before it are. A request is timed from the moment it was
 * due, not from when it was sent. One that is due while `bound` are under way is shed: not sent, and counted as failed.
 */
export class OpenRun {
  #next = 0;
  #inFlight = 0;
  #shed = 0;
  #answered = 0;
  /** Answers within the measured stretch, whenever their requests were due. */
  #within = 0;
  #latency = new Histogram();
  /** Of those the ones that write. */
  #writing = new Histogram();
  #lateness = new Histogram();
  #seconds;

  /**
   * @param due - ms from the start, ascending
   * @param keys - numbers of keys, from the beginning again when they end
   * @param from - ms from the start: what is due before is warm-up, and counted nowhere
   * @param writes - every so many requests one writes; 0 = none
   */
  constructor({ due, keys, from, until, bound, writes = 0 }) {
    Object.assign(this, { due, keys, from, until, bound, writes });
    this.#seconds = (until - from) / 1_000;
  }

  /** Requests that are due at this time, as pairs in `list`; how many words of it are used. */
  take(now, list) {
    const { due, keys, bound, from } = this;
    let length = 0;
    while (this.#next < due.length && due[this.#next] <= now && length + 2 <= list.length) {
      const number = this.#next++;
      if (this.#inFlight >= bound) {
        if (due[number] >= from) {
          this.#shed++;
          this.#latency.fail();
          if (this.#isWrite(number)) this.#writing.fail();
        }
        continue;
      }
      this.#inFlight++;
      const key = keys[number % keys.length];
      list[length++] = number;
      list[length++] = this.#isWrite(number) ? (key | WRITE) >>> 0 : key;
      if (due[number] >= from) this.#lateness.record((now - due[number]) * 1_000);
    }
    return length;
  }

  /** @param at - ms from the start at which these requests were answered */
  answer(words, at) {
    for (const word of words) {
      const number = (word & ~FAILED) >>> 0;
      const due = this.due[number];
      if ((word & FAILED) === 0 && at >= this.from && at < this.until) this.#within++;
      if (due < this.from) continue;
      for (const histogram of this.#isWrite(number)
        ? [this.#latency, this.#writing]
        : [this.#latency]) {
        if ((word & FAILED) !== 0) histogram.fail();
        else histogram.record((at - due) * 1_000);
      }
      this.#answered++;
    }
    this.#inFlight -= words.length;
  }

  #isWrite(number) {
    return this.writes > 0 && number % this.writes === 0;
  }

  get allSent() {
    return this.#next === this.due.length;
  }

  get done() {
    return this.allSent && this.#inFlight === 0;
  }

  /** What is still under way when nobody waits any longer has failed. */
  result() {
    const { due, from } = this;
    let offered = 0;
    for (let at = due.length - 1; at >= 0 && due[at] >= from; at--) offered++;
    const lost = offered - this.#answered - this.#shed;
    this.#latency.fail(lost);
    return {
      offered: offered / this.#seconds,
      achieved: this.#within / this.#seconds,
      failed: this.#latency.failed,
      shed: this.#shed,
      lost,
      p50: this.#latency.percentile(0.5),
      p99: this.#latency.percentile(0.99),
      p999: this.#latency.percentile(0.999),
      max: this.#latency.maxMs,
      writesP50: this.#writing.percentile(0.5),
      writesP99: this.#writing.percentile(0.99),
      /** How late the generator itself was: what it cannot offer is not the cache's fault. */
      lateP99: this.#lateness.percentile(0.99),
    };
  }
}

/**
 * Closed loop: so many requests, always `width` of them under way. Says how much gets through at most, and nothing of how long one
 * waits. They are counted, not the seconds: who is slow is asked for the same keys as who is fast, and finds as many of them absent.
 */
export class ClosedRun {
  #next = 0;
  #answered = 0;
  #failed = 0;
  #began;
  #ended;

  constructor({ keys, count, width, writes = 0 }) {
    Object.assign(this, { keys, count, width, writes });
  }

  take(now, list) {
    this.#began ??= now;
    let length = 0;
    while (!this.allSent && this.#next - this.#answered < this.width && length + 2 <= list.length) {
      const number = this.#next++;
      const key = this.keys[number % this.keys.length];
      list[length++] = number;
      list[length++] = this.writes > 0 && number % this.writes === 0 ? (key | WRITE) >>> 0 : key;
    }
    return length;
  }

  answer(words, at) {
    this.#answered += words.length;
    this.#ended = at;
    for (const word of words) if ((word & FAILED) !== 0) this.#failed++;
  }

  get allSent() {
    return this.#next === this.count;
  }

  get done() {
    return this.#answered === this.count;
  }

  /** @throws Error where some were never answered: there is no rate then. */
  result() {
    if (!this.done) throw new Error(`${this.count - this.#answered} requests were never answered`);
    const seconds = (this.#ended - this.#began) / 1_000;
    return { achieved: (this.count - this.#failed) / seconds, failed: this.#failed };
  }
}

/** Of runs of one load the one in the middle by its p99, with how far the others were from it, and all that failed. */
export function middle(runs) {
  const byP99 = runs.toSorted((one, other) => one.p99 - other.p99);
  const sum = (what) => runs.reduce((all, run) => all + run[what], 0);
  return {
    ...byP99[runs.length >> 1],
    p99Least: byP99[0].p99,
    p99Most: byP99.at(-1).p99,
    max: Math.max(...runs.map(({ max }) => max)),
    failed: sum('failed'),
    shed: sum('shed'),
    lost: sum('lost'),
  };
}
