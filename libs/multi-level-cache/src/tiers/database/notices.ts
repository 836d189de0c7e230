/** Hears what other processes have changed: LISTEN on a connection of its own, which is made anew when nothing comes of it. */
import type { ClientConfig } from 'pg';
import type { Clock } from '../../core/clock.js';
import type { L3Options } from '../../core/options.js';
import { listenerConfig, packagePg } from './connection.js';
import { quote } from './sql.js';

/** How often it is proved that all has been heard. */
const BEAT_MS = 1_000;
/** Without a reply for so long nobody relies on the connection any more, and it is given up. */
const SILENCE_MS = 3_000;
const CLOSE_MS = 1_000;
/** Between two tries: at first, and at most. */
const RETRY_MS = [100, 2_000] as const;
const BEAT = 'select 1';

/** What is wanted of a client of the package pg. */
export interface ListeningClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: () => void): unknown;
  on(event: 'notification', listener: (message: { readonly payload?: string }) => void): unknown;
  /** The connection does not keep the process alive. */
  unref?(): void;
}

/** Makes the client; the package pg does, unless another maker is given. */
export type MakeClient = (config: ClientConfig) => ListeningClient | Promise<ListeningClient>;

export interface NoticeEvents {
  told(message: string): void;
  /** Everything that was told before this moment has been heard. */
  heard(at: number): void;
  /** What was told before may not have been heard. */
  lost(): void;
}

/** The server sends a reply after the notifications that were there before its question: a reply proves that they have come. */
export class Notices {
  #client: ListeningClient | undefined;
  #closed = false;
  /** Tries since something was heard. */
  #tries = 0;

  constructor(
    readonly options: L3Options,
    readonly channel: string,
    readonly events: NoticeEvents,
    readonly clock: Clock,
    readonly random: () => number,
    readonly makeClient: MakeClient = clientOfPg,
  ) {}

  /** Resolves when it listens, or cannot; then it goes on trying. */
  async open(): Promise<void> {
    let client: ListeningClient | undefined;
    try {
      client = await this.makeClient(listenerConfig(this.options));
      await this.#listen(client);
    } catch {
      this.#drop(client);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    // A server that is gone does not answer.
    if (client) await this.#within(CLOSE_MS, client.end()).catch(() => undefined);
  }

  async #listen(client: ListeningClient): Promise<void> {
    if (this.#closed) return;
    this.#client = client;
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
    client.on('notification', ({ payload = '' }) => {
      if (this.#isCurrent(client)) this.events.told(payload);
    });
    await client.connect();
    const asked = this.clock.now();
    await this.#within(SILENCE_MS, client.query(`listen ${quote(this.channel)}`));
    // Until then the process waits for it: there may be nothing else that keeps it alive.
    client.unref?.();
    if (!this.#isCurrent(client)) return;
    // Nobody tells again what was told before.
    this.events.lost();
    this.events.heard(asked);
    this.#beatLater(client);
  }

  #beatLater(client: ListeningClient): void {
    this.clock.after(BEAT_MS, () => void this.#beat(client));
  }

  async #beat(client: ListeningClient): Promise<void> {
    if (!this.#isCurrent(client)) return;
    const asked = this.clock.now();
    try {
      await this.#within(SILENCE_MS, client.query(BEAT));
      if (!this.#isCurrent(client)) return;
      this.#tries = 0;
      this.events.heard(asked);
      this.#beatLater(client);
    } catch {
      this.#drop(client);
    }
  }

  #isCurrent(client: ListeningClient): boolean {
    return this.#client === client;
  }

  /** Whatever comes from this client now is too late: with the next one everything held is forgotten. */
  #drop(client: ListeningClient | undefined): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client?.end().catch(() => undefined);
    const [first, most] = RETRY_MS;
    const ms = Math.min(first * 2 ** this.#tries++, most);
    // Not all processes at the same time.
    this.clock.after(ms * (0.5 + this.random() / 2), () => void this.open());
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = this.clock.after(ms, () => reject(new Error('no reply')));
      work.then(
        () => (late.cancel(), resolve()),
        (error: unknown) => (late.cancel(), reject(error as Error)),
      );
    });
  }
}

async function clientOfPg(config: ClientConfig): Promise<ListeningClient> {
  const { Client } = await packagePg();
  return new Client(config);
}
