/** The two connections to Redis, one for commands and one that waits for messages: made again whenever they break. */
import type { Clock } from '../../core/clock.js';
import type { L2Options } from '../../core/options.js';
import type { Trouble } from '../../core/tier.js';
import { Commands } from './commands.js';
import {
  createClient,
  endClient,
  forgetSilence,
  mastersOf,
  troubleOf,
  TWO_SERVERS,
  unavailable,
  type Client,
} from './connection.js';
import { historyOf, type SharedKeys } from './session.js';

/** Before what failed is tried again. */
export const RETRY_MS = 100;

export interface ConnectionEvents {
  /** Both are there. */
  ready(): Promise<unknown>;
  /** One of them broke. */
  closed(): void;
  failed(trouble: Trouble): void;
  /** Other nodes of a cluster have keys than before. */
  mastersMoved(): void;
}

export class Connections {
  #commands: Commands | undefined;
  #tail: Client | undefined;
  /** Asked when the tail connects, for it answers nothing else while it waits for messages. */
  #told: string | undefined;
  #closed = false;

  constructor(
    readonly options: L2Options,
    readonly keys: SharedKeys,
    readonly clock: Clock,
    readonly random: () => number,
    readonly events: ConnectionEvents,
  ) {}

  /** Resolves when both are there and that has been heard of, or with the first failure. */
  async open(): Promise<void> {
    const [commands, follower] = await Promise.all([
      createClient(this.options, 'commands', this.random),
      createClient(this.options, 'tail', this.random),
    ]);
    if (this.#closed) return;
    this.#commands = new Commands(commands, this.clock);
    this.#tail = follower;
    await new Promise<void>((resolve) => {
      for (const client of [commands, follower]) {
        const fail = (error: unknown): void => this.events.failed(troubleOf(error));
        client.on('error', fail);
        // A node of a cluster: the others go on.
        client.on('node error', fail);
        client.on('close', () => {
          forgetSilence(client);
          this.events.closed();
          resolve();
        });
        // A client that is closed while Sentinel is asked gives up for good, whatever its retryStrategy says.
        client.on('end', () => {
          this.clock.after(RETRY_MS, () => {
            if (!this.#closed) client.connect().catch(() => undefined);
          });
        });
        client.on('ready', () => {
          if (client === follower) this.#told = undefined;
          if (!this.ready) return;
          void this.events.ready().then(
            () => resolve(),
            () => resolve(),
          );
        });
        if (client === commands) this.#watchMasters(commands);
        // A failed first attempt is an 'error' and a 'close' as well; the client goes on trying.
        client.connect().catch(() => undefined);
      }
    });
  }

  get commands(): Commands {
    if (!this.#commands) throw unavailable('Redis has not been contacted');
    return this.#commands;
  }

  /** They have been made. */
  get known(): boolean {
    return this.#commands !== undefined;
  }

  get tail(): Client {
    return this.#tail!;
  }

  /** Commands can be sent. */
  get writable(): boolean {
    return this.#commands?.client.status === 'ready';
  }

  get ready(): boolean {
    return this.writable && this.#tail?.status === 'ready';
  }

  /** Which replication history the tail tells of; empty = not known. */
  async told(): Promise<string> {
    return (this.#told ??= await historyOf(this.tail, this.keys).catch(() => ''));
  }

  /** After a failover one of the two may still reach the master of before: what it tells is not of what the other reads. */
  assertOneServer(read: string, told: string): void {
    if (read === '' || told === '' || read === told) return;
    for (const client of [this.commands.client, this.tail]) client.disconnect(true);
    throw unavailable(TWO_SERVERS);
  }

  /** The tail waits for nothing any more, and may be with another server. */
  tailEnded(): void {
    this.#told = undefined;
  }

  close(): void {
    this.#closed = true;
    for (const client of [this.#commands?.client, this.#tail]) if (client) endClient(client);
  }

  /** A replica that took over part of a cluster may lack what that part had acknowledged last. */
  #watchMasters(client: Client): void {
    let before = '';
    client.on('refresh', () => {
      const now = mastersOf(client);
      const moved = before !== '' && before !== now;
      before = now;
      if (moved && !this.#closed) this.events.mastersMoved();
    });
  }
}
