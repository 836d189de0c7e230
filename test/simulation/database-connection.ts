/** One connection to the simulated PostgreSQL: its statements go one after the other, each there and back through the network. */
import type { Listener, SimulatedPool } from './database-client.js';
import type { Session } from './database-rows.js';

interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
}

interface Result {
  readonly rows: readonly unknown[];
}

export class Connection {
  readonly #session: Session = {};
  readonly #waiting = new Set<(error: Error) => void>();
  #listener: Listener | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #broken = false;
  #used = false;

  constructor(readonly pool: SimulatedPool) {}

  on(_event: string, listener: Listener): this {
    this.#listener = listener;
    return this;
  }

  use(): this {
    this.#used = true;
    return this;
  }

  release(destroy = false): void {
    this.#used = false;
    if (destroy) {
      this.#broken = true;
      this.pool.forget(this);
    }
    if (!this.#broken) this.pool.giveBack(this);
  }

  query(query: string | Query): Promise<Result> {
    const { text, values = [] } = typeof query === 'string' ? { text: query } : query;
    return new Promise<Result>((resolve, reject) => {
      const end = (): void => void this.#waiting.delete(fail);
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      this.#waiting.add(fail);
      this.#last = this.#last.then(() =>
        this.#exchange(text, values).then((rows) => {
          end();
          resolve({ rows });
        }, fail),
      );
    });
  }

  /** Ended from here: nobody is told. */
  leave(): void {
    this.#broken = true;
  }

  break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.pool.forget(this);
    const error = new Error('Connection terminated unexpectedly');
    for (const fail of this.#waiting) fail(error);
    if (this.#used) this.#listener?.(error);
    else this.pool.tell('error', error);
  }

  #latency(): number {
    return this.pool.server.latency() * this.pool.way.slow;
  }

  #exchange(text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    if (this.#broken) return Promise.reject(new Error('Client is not queryable'));
    const { server } = this.pool;
    const { life, schedule } = server;
    return new Promise((resolve, reject) => {
      const reply = (tell: () => void): void =>
        void schedule.after(this.#latency(), () => {
          if (!this.#broken) tell();
        });
      schedule.after(this.#latency(), () =>
        server.execute(() => {
          try {
            const [finish, ms] = server.begin(text, values, this.#session);
            const commit = (): void => {
              const rows = finish();
              reply(() => resolve(rows));
            };
            schedule.after(ms, () => server.execute(commit, life));
          } catch (error) {
            reply(() => reject(error));
          }
        }, life),
      );
    });
  }
}
