/** What is heard through PostgreSQL: what of it is taken, and what follows where it cannot be. */
import { Sequences } from '../../coherence/sequences.js';
import type { Clock, Timer } from '../../core/clock.js';
import type { RefusedMessage } from '../../core/message-seal.js';
import type { TierListener } from '../../core/tier.js';
import { decodeNotice, type Announcements } from './backplane.js';

/** Memory is not emptied more often than this, however many messages are made up. */
const LEAST_MS = 1_000;
const DEFAULT_MS = 30_000;

export interface HearingDeps {
  readonly announcements: Announcements | undefined;
  readonly clock: Clock;
  /** How long what an instance with another secret has changed may be served from memory, ms. */
  readonly partitionTtl?: number | undefined;
  readonly listener: () => TierListener | undefined;
  readonly onRefused?: ((what: RefusedMessage) => void) | undefined;
}

export class Hearing {
  /** Messages that were not ours or were refused. */
  rubbish = 0;
  /** Messages that were ours, those of this process included. */
  received = 0;
  readonly #sequences = new Sequences();
  #forgetting: Timer | undefined;

  constructor(readonly deps: HearingDeps) {}

  hear(message: string): void {
    const { announcements } = this.deps;
    if (!announcements?.seal) return this.#take(message);
    const opened = announcements.opened(message);
    if (!opened) return this.#doubt();
    const verdict = this.#sequences.hear(opened.sender, opened.sequence);
    if (verdict === 'new') return this.#take(opened.message);
    // What has been heard changes nothing; of what comes too late that is not known.
    if (verdict === 'late') this.#doubt();
    else this.refuse('message');
  }

  refuse(what: RefusedMessage): void {
    this.rubbish++;
    this.deps.onRefused?.(what);
  }

  close(): void {
    this.#forgetting?.cancel();
  }

  #take(message: string): void {
    const own = this.deps.announcements?.areOf(message) === true;
    const listener = this.deps.listener();
    const notice = decodeNotice(message);
    if (notice) this.received++;
    // What is owed has to be struck when it has been paid, whoever it was that owes it.
    if (own && (notice === 'all' || notice?.debt === undefined)) return;
    if (notice && notice !== 'all')
      return listener?.changed(notice.change, notice.debt, notice.trace);
    // Who does not understand what has changed has to reckon with everything.
    if (!notice) this.rubbish++;
    listener?.lost();
  }

  /**
   * It may have been an honest change, by an instance with another secret: memory forgets, once for all that comes until then. No
   * change is missed for longer, and nobody can empty memory all the time.
   */
  #doubt(): void {
    this.refuse('message');
    const { clock, listener, partitionTtl = DEFAULT_MS } = this.deps;
    this.#forgetting ??= clock.after(Math.max(partitionTtl, LEAST_MS), () => {
      this.#forgetting = undefined;
      listener()?.lost();
    });
  }
}
