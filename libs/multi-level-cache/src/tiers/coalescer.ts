/** Turns many single questions into few bulk ones: the lever that makes a shared tier fast. No timer takes part. */
import type { MaybePromise } from '../core/tier.js';

const MAX_BATCH = 1_000;
const MAX_IN_FLIGHT = 2;
/** As many questions are worth a call of their own. */
const WORTH_A_CALL = 16;

interface Waiting<K, V> {
  readonly key: K;
  readonly name: unknown;
  readonly answer: Promise<V>;
  readonly resolve: (value: MaybePromise<V>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * While nothing is under way, questions of one tick go out together; while two bulk calls are under way, the rest gathers
 * until one of them returns. So one caller waits for nobody, and a thousand share a round trip. Who asks what is waiting
 * already shares its answer; what has been sent is not joined, for the answer may be older than the question.
 */
export class Coalescer<K, V> {
  #waiting: Waiting<K, V>[] = [];
  #named = new Map<unknown, Waiting<K, V>>();
  #inFlight = 0;
  #scheduled = false;
  #together = false;

  constructor(
    /** Answers in the order of the questions. */
    readonly send: (keys: readonly K[]) => Promise<readonly MaybePromise<V>[]>,
    readonly maxBatch = MAX_BATCH,
    /** Questions with the same name are one. */
    readonly nameOf: (key: K) => unknown = (key) => key,
    /** So many are halved only, so that one half is answered while the other is under way: the more, the less a call costs in itself. */
    readonly worthACall = WORTH_A_CALL,
  ) {}

  /** Questions not sent yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @param together - one of many that belong to one call, which costs one bulk call: they are not shared out. */
  ask(key: K, together = false): Promise<V> {
    if (together) this.#together = true;
    const name = this.nameOf(key);
    let waiting = this.#named.get(name);
    if (!waiting) {
      waiting = question<K, V>(key, name);
      this.#named.set(name, waiting);
      this.#waiting.push(waiting);
      this.#schedule();
    }
    return waiting.answer;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#inFlight < MAX_IN_FLIGHT) {
      const batch = this.#take();
      this.#inFlight++;
      void this.#run(batch);
    }
  }

  /** What waits, shared among the ways that are free. */
  #take(): readonly Waiting<K, V>[] {
    const { length } = this.#waiting;
    const ways = this.#together ? 1 : MAX_IN_FLIGHT - this.#inFlight;
    const most = Math.min(Math.max(Math.ceil(length / ways), this.worthACall), this.maxBatch);
    if (most >= length) return this.#takeAll();
    const batch = this.#waiting.splice(0, most);
    for (const { name } of batch) this.#named.delete(name);
    return batch;
  }

  #takeAll(): readonly Waiting<K, V>[] {
    const all = this.#waiting;
    this.#waiting = [];
    // Not cleared: of a map that was, the old table leads to the new one, and a chain of them outlives the collector of young objects.
    this.#named = new Map();
    this.#together = false;
    return all;
  }

  async #run(batch: readonly Waiting<K, V>[]): Promise<void> {
    try {
      const values = await this.send(batch.map(({ key }) => key));
      batch.forEach(({ resolve }, index) => resolve(values[index]));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#inFlight--;
      this.#flush();
    }
  }
}

function question<K, V>(key: K, name: unknown): Waiting<K, V> {
  let resolve!: (value: MaybePromise<V>) => void;
  let reject!: (error: unknown) => void;
  const answer = new Promise<V>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { key, name, answer, resolve, reject };
}
