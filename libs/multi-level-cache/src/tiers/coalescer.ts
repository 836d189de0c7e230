/** Turns many single questions into few bulk ones: the lever that makes a shared tier fast. No timer takes part. */

const MAX_BATCH = 1_000;
const MAX_IN_FLIGHT = 2;

interface Waiting<K, V> {
  readonly key: K;
  readonly resolve: (value: V) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * While nothing is under way, questions of one tick go out together; while two bulk calls are under way, the rest gathers
 * until one of them returns. So one caller waits for nobody, and a thousand share a round trip.
 */
export class Coalescer<K, V> {
  #waiting: Waiting<K, V>[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(
    /** Answers in the order of the questions. */
    readonly send: (keys: readonly K[]) => Promise<readonly V[]>,
    readonly maxBatch = MAX_BATCH,
  ) {}

  /** Questions not sent yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  ask(key: K): Promise<V> {
    return new Promise<V>((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      if (this.#scheduled || this.#inFlight >= MAX_IN_FLIGHT) return;
      this.#scheduled = true;
      process.nextTick(() => {
        this.#scheduled = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#inFlight < MAX_IN_FLIGHT) {
      const batch = this.#waiting.splice(0, this.maxBatch);
      this.#inFlight++;
      void this.#run(batch).finally(() => {
        this.#inFlight--;
        this.#flush();
      });
    }
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
