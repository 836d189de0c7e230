/** A connection that listens to the simulated PostgreSQL: what is announced comes in the order of commits, and replies behind it. */
import type { ListeningClient } from '../../libs/multi-level-cache/src/tiers/database/notices.js';
import type { DatabaseServer } from './database-client.js';
import type { Way } from './way.js';

type Told = (message: { readonly payload?: string }) => void;

const CONNECT_MS = 1_000;

export class SimulatedListener implements ListeningClient {
  readonly #listeners = new Map<string, Told>();
  readonly #waiting = new Set<(error: Error) => void>();
  #connected = false;
  #listens = false;
  #over = false;
  /** When what was sent last arrives: nothing overtakes it. */
  #arrives = 0;

  constructor(
    readonly server: DatabaseServer,
    readonly way: Way,
  ) {}

  on(event: string, listener: Told): void {
    this.#listeners.set(event, listener);
  }

  connect(): Promise<void> {
    const { server, way } = this;
    const { schedule } = server;
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(new Error('connect ECONNREFUSED'));
      const patience = schedule.after(CONNECT_MS, refuse);
      schedule.after(this.#latency() * 2, () => {
        if (server.down || way.closed || this.#over) return refuse();
        server.execute(() => {
          if (server.down || way.closed || this.#over) return refuse();
          patience.cancel();
          this.#connected = true;
          server.listeners.add(this);
          resolve();
        });
      });
    });
  }

  query(text: string): Promise<void> {
    const { server } = this;
    const { life, schedule } = server;
    return new Promise((resolve, reject) => {
      if (this.#over || !this.#connected) return reject(new Error('Client is not queryable'));
      const fail = (error: Error): void => {
        this.#waiting.delete(fail);
        reject(error);
      };
      this.#waiting.add(fail);
      schedule.after(this.#latency(), () =>
        server.execute(() => {
          if (text.startsWith('listen ')) this.#listens = true;
          this.#send(() => {
            this.#waiting.delete(fail);
            resolve();
          });
        }, life),
      );
    });
  }

  /** A transaction that has announced something is committed. */
  notify(payload: string): void {
    if (this.#listens) this.#send(() => this.#listeners.get('notification')?.({ payload }));
  }

  break(): void {
    if (this.#over) return;
    this.#leave();
    const error = new Error('Connection terminated unexpectedly');
    for (const fail of this.#waiting) fail(error);
    this.#listeners.get('error')?.({});
  }

  end(): Promise<void> {
    this.#leave();
    return Promise.resolve();
  }

  #leave(): void {
    this.#over = true;
    this.server.listeners.delete(this);
  }

  #send(arrive: () => void): void {
    const { schedule } = this.server;
    this.#arrives = Math.max(this.#arrives, schedule.now + this.#latency());
    schedule.at(this.#arrives, () => {
      if (!this.#over) arrive();
    });
  }

  #latency(): number {
    return this.server.latency() * this.way.slow;
  }
}
