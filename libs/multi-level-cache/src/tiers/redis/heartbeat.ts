/** Breaks silence on the stream, and notices that what was told is not heard. */
import type { Clock } from '../../core/clock.js';
import { HEARTBEAT } from './backplane.js';
import type { Commands } from './commands.js';
import { CHANGE, MODE } from './scripts.js';
import type { Session, SharedKeys } from './session.js';
import type { StreamSeal } from './stream-seal.js';

/** Where nobody has said anything for this long, somebody says that nothing has changed. */
export const BEAT_MS = 1_000;
/** What was told so long ago is not on its way any more, ms. */
const DEAF_MS = 1_500;

/** The connection whose stream is watched. */
interface Watched {
  readonly clock: Clock;
  readonly keys: SharedKeys;
  readonly commands: Commands;
  /** The highest number known. */
  readonly number: number;
  readonly seal: StreamSeal | undefined;
  isCurrent(session: Session): boolean;
  resync(): Promise<Session>;
}

export class Heartbeat {
  constructor(
    readonly link: Watched,
    readonly random: () => number,
    /** What was told long ago has not been heard. */
    readonly onDeaf: () => void,
  ) {}

  /** Until the session ends. */
  start(session: Session): void {
    this.#listen(session);
    this.#speak(session, session.heardAt);
  }

  /** What is known to have been told must have been heard a while later. */
  #listen(session: Session): void {
    const { link } = this;
    const known = link.number;
    link.clock.after(DEAF_MS, () => {
      if (!link.isCurrent(session)) return;
      if (session.lastNumber < known) this.onDeaf();
      else this.#listen(session);
    });
  }

  /** Speaks where since then nobody has; from the latest message on otherwise. */
  #speak(session: Session, since: number): void {
    const { link } = this;
    // Not all at the same time: mostly one of them speaks.
    const silence = BEAT_MS * (1 + this.random() / 2);
    const now = link.clock.now();
    link.clock.after(Math.max(since + silence - now, 0), () => {
      if (!link.isCurrent(session)) return;
      if (session.heardAt > since) return this.#speak(session, session.heardAt);
      void this.#beat(session);
      this.#speak(session, link.clock.now());
    });
  }

  /** Proves that the counter and the epoch are still there, and lets everybody prove that nothing was missed. */
  async #beat({ epoch }: Session): Promise<void> {
    const { keys, commands, number: known, seal } = this.link;
    const beat = { type: HEARTBEAT, payload: '' };
    const told = seal?.wrap(beat, { epoch, sender: '', debt: '', known }) ?? beat;
    try {
      // No tags are bumped: in their place stands a record that every user may name.
      const shared = [keys.sq, keys.ep, keys.stream, keys.debts, keys.sq];
      const args = [epoch, '', told.type, told.payload, '', MODE.drop];
      const number = await commands.run(CHANGE, shared, args);
      if (number === null) await this.link.resync();
    } catch {
      // The connection's own trouble is noticed by the connection.
    }
  }
}
