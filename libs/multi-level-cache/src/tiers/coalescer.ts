/** Turns many single questions into few bulk ones: the lever that makes a shared tier fast. No timer takes part. */
import type { Asker, MaybePromise } from '../core/tier.js';

const MAX_BATCH = 1_000;
const MAX_IN_FLIGHT = 2;
/** As many questions are worth a call of their own. */
const WORTH_A_CALL = 16;

/** A question that waits, with whoever asked it. */
export interface Question<K, V> {
  readonly key: K;
  readonly by: object;
  readonly first: Asker<V>;
  /** Who asked the same before it was sent. */
  others: Asker<V>[] | undefined;
}

/**
 * While nothing is under way, questions of one tick go out together; while two bulk calls are under way, the rest gathers
 * until one of them returns. So one caller waits for nobody, and a thousand share a round trip. Who asks what is waiting
 * already shares its answer; what has been sent is not joined, for the answer may be older than the question.
 */
export class Coalescer<K, V> {
  #waiting: Question<K, V>[] = [];
  #inFlight = 0;
  #scheduled = false;
  #together = false;

  constructor(
    /** Answers in the order of the questions. */
    readonly send: (keys: readonly K[]) => Promise<readonly MaybePromise<V>[]>,
    readonly maxBatch = MAX_BATCH,
    /** So many are halved only, so that one half is answered while the other is under way: the more, the less a call costs in itself. */
    readonly worthACall = WORTH_A_CALL,
  ) {}

  /** Questions not sent yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @param together - one of many that belong to one call, which costs one bulk call: they are not shared out. */
  ask(key: K, together = false): Promise<V> {
    return new Promise<V>((answered, failed) => this.tell(key, { answered, failed }, together));
  }

  /** The same without a promise of its own, which costs as much as the rest of a question. */
  tell(key: K, asker: Asker<V>, together = false): void {
    if (together) this.#together = true;
    const same = this.asked(key);
    if (same) {
      if (same.others) same.others.push(asker);
      else same.others = [asker];
      return;
    }
    const question: Question<K, V> = { key, by: this, first: asker, others: undefined };
    this.keep(question);
    this.#waiting.push(question);
    this.#schedule();
  }

  /** The last question about this key, where some are alike. */
  protected asked(_key: K): Question<K, V> | undefined {
    return undefined;
  }

  /** It waits now, and may be asked for. */
  protected keep(_question: Question<K, V>): void {
    // Of these none is like another.
  }

  /** It has been sent. */
  protected leave(_question: Question<K, V>): void {
    // Nobody looks for it.
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** One batch at a time: what a second one is made of is made while the store is at work on the first. */
  #flush(): void {
    if (this.#waiting.length === 0 || this.#inFlight >= MAX_IN_FLIGHT) return;
    const batch = this.#take();
    this.#inFlight++;
    void this.#run(batch);
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** What waits, shared among the ways that are free. */
  #take(): readonly Question<K, V>[] {
    const { length } = this.#waiting;
    const ways = this.#together ? 1 : MAX_IN_FLIGHT - this.#inFlight;
    const most = Math.min(Math.max(Math.ceil(length / ways), this.worthACall), this.maxBatch);
    if (most < length) return this.#waiting.splice(0, most);
    const all = this.#waiting;
    this.#waiting = [];
    this.#together = false;
    return all;
  }

  async #run(batch: readonly Question<K, V>[]): Promise<void> {
    try {
      const keys = new Array<K>(batch.length);
      for (let at = 0; at < batch.length; at++) {
        this.leave(batch[at]);
        keys[at] = batch[at].key;
      }
      const values = await this.send(keys);
      for (let at = 0; at < batch.length; at++) answer(batch[at], values[at]);
    } catch (error) {
      for (const question of batch) fail(question, error);
    } finally {
      this.#inFlight--;
      this.#flush();
    }
  }
}

/** Where questions with the same name are one. */
export class NamedCoalescer<K, V> extends Coalescer<K, V> {
  readonly #named = new Map<string, Question<K, V>>();

  constructor(
    send: Coalescer<K, V>['send'],
    readonly nameOf: (key: K) => string,
  ) {
    super(send);
  }

  protected override asked(key: K): Question<K, V> | undefined {
    return this.#named.get(this.nameOf(key));
  }

  protected override keep(question: Question<K, V>): void {
    this.#named.set(this.nameOf(question.key), question);
  }

  protected override leave({ key }: Question<K, V>): void {
    this.#named.delete(this.nameOf(key));
  }
}

function answer<K, V>(question: Question<K, V>, value: MaybePromise<V>): void {
  if (value instanceof Promise) {
    value.then(
      (later) => answer(question, later),
      (error: unknown) => fail(question, error),
    );
    return;
  }
  try {
    question.first.answered(value);
    if (question.others) for (const asker of question.others) asker.answered(value);
  } catch (error) {
    // Who cannot bear it is no trouble of the others.
    fail(question, error);
  }
}

function fail<K, V>({ first, others }: Question<K, V>, error: unknown): void {
  first.failed(error);
  if (others) for (const asker of others) asker.failed(error);
}
