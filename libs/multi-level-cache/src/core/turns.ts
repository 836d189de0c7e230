/** Who of many is looked at, so that looking costs no more the more there are. */
import type { Clock } from './clock.js';

/** A thousand a second. */
const A_MILLISECOND = 1;

/** The first of each millisecond has its turn: all, where there are not many. */
export class Turns {
  #at = -1;
  #left = 0;

  constructor(readonly clock: Clock) {}

  /** Whether it is this one's turn; each look is one of them. */
  take(): boolean {
    const now = this.clock.coarse();
    if (now !== this.#at) {
      this.#at = now;
      this.#left = A_MILLISECOND;
    }
    return this.#left-- > 0;
  }
}
