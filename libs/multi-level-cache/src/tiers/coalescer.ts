/** Turns many single questions into few bulk ones: the lever that makes a shared tier fast. No timer takes part. */
import type { MaybePromise } from '../core/tier.js';

const MAX_BATCH = 1_000;
const MAX_IN_FLIGHT = 2;
/** As many questions are worth a call of their own, so that one half is answered while the other is under way. */
const WORTH_A_CALL = 16;

interface Waiting<K, V> {
  readonly key: K;
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
  #waiting = new Map<unknown, Waiting<K, V>>();
  #inFlight = 0;
  #scheduled = false;
  #together = false;

  constructor(
    /** Answers in the order of the questions. */
    readonly send: (keys: readonly K[]) => Promise<readonly MaybePromise<V>[]>,
    readonly maxBatch = MAX_BATCH,
    /** Questions with the same name are one. */
    readonly nameOf: (key: K) => unknown = (key) => key,
  ) {}

  /** Questions not sent yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** @param together - one of many that belong to one call, which costs one bulk call: they are not shared out. */
  ask(key: K, together = false): Promise<V> {
    if (together) this.#together = true;
    const name = this.nameOf(key);
    let waiting = this.#waiting.get(name);
    if (!waiting) {
      waiting = question<K, V>(key);
      this.#waiting.set(name, waiting);
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
    while (this.#waiting.size > 0 && this.#inFlight < MAX_IN_FLIGHT) {
      const batch = this.#take();
      this.#inFlight++;
      void this.#run(batch).finally(() => {
        this.#inFlight--;
        this.#flush();
      });
    }
  }

  /** What waits, shared among the ways that are free. */
  #take(): readonly Waiting<K, V>[] {
    const all = [...this.#waiting];
    const ways = this.#together ? 1 : MAX_IN_FLIGHT - this.#inFlight;
    const share = Math.max(Math.ceil(all.length / ways), WORTH_A_CALL);
    const most = Math.min(share, this.maxBatch);
    this.#waiting = new Map(all.slice(most));
    if (this.#waiting.size === 0) this.#together = false;
    return all.slice(0, most).map(([, waiting]) => waiting);
  }

  async #run(batch: readonly Waiting<K, V>[]): Promise<void> {
    try {
      const values = await this.send(batch.map(({ key }) => key));
      batch.forEach(({ resolve }, index) => resolve(values[index]));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

function question<K, V>(key: K): Waiting<K, V> {
  let resolve!: (value: MaybePromise<V>) => void;
  let reject!: (error: unknown) => void;
  const answer = new Promise<V>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { key, answer, resolve, reject };
}
