/** Which messages of which sender have been heard: each counts its own, and none is believed twice. */

/** So far behind the highest one a message may come: statements and connections overtake each other. */
const WINDOW = 4_096;
const MOST_SENDERS = 1_000;

/** What has been heard of one sender. */
interface Heard {
  readonly highest: number;
  /** Bit n: whether the one `n` below the highest has been heard. */
  readonly bits: bigint;
}

/** `late`: too far behind to be known. */
export type Verdict = 'new' | 'heard' | 'late';

export class Sequences {
  readonly #senders: Map<string, Heard>;

  constructor(senders: ReadonlyMap<string, Heard> = new Map()) {
    this.#senders = new Map(senders);
  }

  /** What is heard by the copy the other one has not heard. */
  copy(): Sequences {
    return new Sequences(this.#senders);
  }

  knows(sender: string): boolean {
    return this.#senders.has(sender);
  }

  /** Hears a message, which is new only once. */
  hear(sender: string, sequence: number): Verdict {
    const heard = this.#senders.get(sender);
    const ahead = heard ? sequence - heard.highest : sequence;
    if (!heard || ahead > 0) {
      const before = heard && ahead < WINDOW ? heard.bits << BigInt(ahead) : 0n;
      this.#keep(sender, { highest: sequence, bits: BigInt.asUintN(WINDOW, before) | 1n });
      return 'new';
    }
    if (ahead <= -WINDOW) return 'late';
    const bit = 1n << BigInt(-ahead);
    if ((heard.bits & bit) !== 0n) return 'heard';
    this.#keep(sender, { highest: heard.highest, bits: heard.bits | bit });
    return 'new';
  }

  /** The one that has been silent for longest goes where there are too many. */
  #keep(sender: string, heard: Heard): void {
    this.#senders.delete(sender);
    this.#senders.set(sender, heard);
    if (this.#senders.size > MOST_SENDERS) this.#senders.delete(this.#senders.keys().next().value!);
  }
}
