/** Who of many is looked at, so that looking costs no more the more there are. */
import type { Clock } from './clock.js';

/** Four thousand a second. */
const A_MILLISECOND = 4;

/** The first few of each millisecond have their turn: all, where there are not many. */
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
