// The line of one process to its parent: what it has seen goes there, and the register of versions is asked there.
import { watchStalls } from './stalls.mjs';

const TELL_MS = 250;

export class Parent {
  #me;
  #log = {};
  #waiting = new Map();
  #asked = 0;
  #telling;
  #watching;

  /** `orders` by name; whatever fails there ends the process, and the parent sees that. */
  constructor(me, orders) {
    this.#me = me;
    this.#telling = setInterval(() => this.#tell(), TELL_MS);
    this.#watching = watchStalls((stall) => this.record('stalls', stall));
    process.on('message', ({ id, versions, order }) => {
      if (order === undefined) {
        this.#waiting.get(id)(versions);
        this.#waiting.delete(id);
      } else void orders[order]();
    });
    // The parent is gone: nobody wants to know any more.
    for (const event of ['disconnect', 'error']) process.on(event, () => process.exit(0));
  }

  /** One more in this list of the parent's log. */
  record(list, one) {
    (this.#log[list] ??= []).push({ process: this.#me, ...one });
  }

  /** The register in the parent: `read` tells versions, `bump` raises them first. */
  register(verb, keys) {
    return new Promise((resolve) => {
      this.#waiting.set(++this.#asked, resolve);
      process.send({ ask: this.#asked, verb, keys });
    });
  }

  say(word) {
    process.send({ [word]: true });
  }

  /** Nothing is recorded any more. */
  stop() {
    clearInterval(this.#telling);
    this.#watching();
    this.#tell();
  }

  end() {
    process.send({ ended: true }, () => process.disconnect());
  }

  #tell() {
    const log = this.#log;
    this.#log = {};
    process.send({ log });
  }
}
