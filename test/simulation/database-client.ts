/** Connections to the simulated PostgreSQL, in the shape of pg: every statement and every reply takes its time, or is lost. */
import { Connection } from './database-connection.js';
import type { SimulatedListener } from './database-listener.js';
import type { DatabaseStore, Finish } from './database-store.js';
import type { Session } from './database-rows.js';
import type { Schedule } from './schedule.js';
import type { Way } from './way.js';

export type Listener = (argument: unknown) => void;

const CONNECT_MS = 1_000;
/** From the beginning of a statement to its commit, or from a thaw to a process's turn, ms. */
const STEP_MS = 2;
/** Long enough that others see numbers that are lost then, ms. */
const STALL_MS = 300;

/** The server process and the network around it. */
export class DatabaseServer {
  readonly pools = new Set<SimulatedPool>();
  readonly listeners = new Set<SimulatedListener>();
  /** Refuses connections. */
  down = false;
  /** Counts how often it has started: what one life began, the next does not end. */
  life = 0;
  #frozenUntil = 0;
  #atNextNumber: (() => void) | undefined;
  #stalled = false;

  constructor(
    readonly schedule: Schedule,
    readonly store: DatabaseStore,
    /** One way through the network, ms. */
    readonly latency: () => number,
  ) {
    store.onNotify = (message) => {
      for (const listener of this.listeners) listener.notify(message);
    };
  }

  pool(way: Way): SimulatedPool {
    const pool = new SimulatedPool(this, way);
    this.pools.add(pool);
    return pool;
  }

  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.schedule.now + ms);
  }

  /** Runs `work` when the server can, unless it ends before; each connection has a process, and they thaw in any order. */
  execute(work: () => void, life = this.life): void {
    if (life !== this.life) return;
    const { now } = this.schedule;
    if (now >= this.#frozenUntil) work();
    else
      this.schedule.at(this.#frozenUntil + this.schedule.between(0, STEP_MS), () =>
        this.execute(work, life),
      );
  }

  /** From the next number on nothing is committed; calls `then` when others have seen numbers that are lost by that. */
  stall(then: () => void): void {
    this.#atNextNumber = then;
  }

  /** Begins a statement; says how it ends and when. */
  begin(text: string, values: readonly unknown[], session: Session): [Finish, number] {
    const before = this.store.last;
    const finish = this.store.begin(text, values, session);
    const counted = this.store.last !== before;
    const then = this.#atNextNumber;
    if (then && counted) {
      this.#atNextNumber = undefined;
      this.#stalled = true;
      this.schedule.after(STALL_MS, then);
    }
    return [finish, this.#stalled && counted ? STALL_MS : this.schedule.between(0, STEP_MS)];
  }

  /** What is under way ends here; `then` says what is left of the data. */
  end(then: () => void): void {
    this.life++;
    this.#frozenUntil = 0;
    this.#stalled = false;
    then();
    this.cutAll();
  }

  cutAll(): void {
    for (const pool of this.pools) pool.cut(1);
    for (const listener of this.listeners) listener.break();
  }
}

export class SimulatedPool {
  readonly connections = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #listeners = new Map<string, Listener>();
  #ended = false;

  constructor(
    readonly server: DatabaseServer,
    readonly way: Way,
  ) {}

  on(event: string, listener: Listener): this {
    this.#listeners.set(event, listener);
    return this;
  }

  tell(event: string, argument: unknown): void {
    if (!this.#ended) this.#listeners.get(event)?.(argument);
  }

  connect(): Promise<Connection> {
    const idle = this.#idle.pop();
    return idle ? Promise.resolve(idle.use()) : this.#dial();
  }

  giveBack(connection: Connection): void {
    this.#idle.push(connection);
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Connections break; statements on their way may still arrive. */
  cut(share: number): void {
    for (const connection of this.connections)
      if (share === 1 || this.server.schedule.random() < share) connection.break();
  }

  end(): Promise<void> {
    this.#ended = true;
    this.server.pools.delete(this);
    for (const connection of this.connections) connection.leave();
    return Promise.resolve();
  }

  #dial(): Promise<Connection> {
    const { server, way } = this;
    const { schedule } = server;
    return new Promise((resolve, reject) => {
      let late = false;
      const patience = schedule.after(CONNECT_MS, () => {
        late = true;
        reject(new Error('timeout exceeded when trying to connect'));
      });
      const refuse = (): void => {
        patience.cancel();
        reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      };
      schedule.after(server.latency() * way.slow * 2, () => {
        if (server.down || way.closed || this.#ended) return refuse();
        server.execute(() => {
          if (server.down || way.closed || this.#ended) return refuse();
          patience.cancel();
          if (late) return;
          const connection = new Connection(this);
          this.connections.add(connection);
          this.tell('connect', connection);
          resolve(connection.use());
        });
      });
    });
  }
}
