/** What a link to Redis is made with, and what it tells its tier. */
import type { Clock } from '../../core/clock.js';
import type { MessageSeal } from '../../core/message-seal.js';
import type { Message } from './backplane.js';
import type { Session } from './session.js';

export interface LinkEvents {
  /** In sync again; unless it is `complete`, whatever was known of the store is void. */
  synced(complete: boolean): void;
  /** Another server answers, or the same one after a restart: what it was told last may be lost. */
  moved(session: Session): Promise<void>;
  /** Everything that was told before this moment has been heard. */
  heard(at: number): void;
  /** Out of sync: nothing may be asked. */
  down(): void;
  /** @param lagMs - since it was told, by the server's clock; left out where it is heard again */
  message(message: Message, lagMs?: number): void;
  /** What is known of tags may be out of date. */
  forget(): void;
  /** Whether some of this process's own changes that another server may not have are not known any more. */
  forgot(): boolean;
  /** Something in the stream was not ours. */
  rubbish(): void;
  /** A message was not sealed by an instance of this application, or was told before. */
  refused(): void;
}

/** What a link works with. */
export interface LinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Without one messages are told and believed as they are. */
  readonly seal?: MessageSeal | undefined;
}
