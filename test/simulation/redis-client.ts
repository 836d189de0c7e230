/** Connections to the simulated Redis, in the shape of ioredis: every command and every reply takes its time, or is lost. */
import type { Timer } from '../../libs/multi-level-cache/src/core/clock.js';
import type { RedisStore, Argument } from './redis-store.js';
import type { Schedule } from './schedule.js';
import type { Way } from './way.js';

interface Waiting {
  readonly reject: (error: Error) => void;
  readonly late: Timer;
}
type Work = (store: RedisStore) => unknown;
const CLOSED = 'Connection is closed.';

/** The server process and the network around it. */
export class RedisServer {
  readonly clients = new Set<SimulatedClient>();
  /** Clients that still talk to the master of before. */
  readonly #behind = new Set<SimulatedClient>();
  #before: RedisStore | undefined;
  #frozenUntil = 0;
  /** Refuses connections. */
  down = false;
  readonly #blocked = new Set<() => void>();

  constructor(
    readonly schedule: Schedule,
    readonly store: RedisStore,
    /** One way through the network, ms. */
    readonly latency: () => number,
  ) {}

  /** A connection of its own; the tail may be silent for longer than others. */
  client(name: string | undefined, way: Way): SimulatedClient {
    const client = new SimulatedClient(this, name, way, name === 'mlc-tail' ? 2_500 : 1_000);
    this.clients.add(client);
    return client;
  }

  get frozen(): boolean {
    return this.schedule.now < this.#frozenUntil;
  }

  /** Nothing is executed for so long; what arrives meanwhile is executed then, in its order. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.schedule.now + ms);
  }

  /** Runs `work` as soon as the server can. */
  execute(work: () => void): void {
    if (this.frozen) this.schedule.at(this.#frozenUntil, () => this.execute(work));
    else {
      work();
      // What has been written may be what somebody waits for.
      for (const look of this.#blocked) look();
    }
  }

  /** A replica takes over with what it has; whoever is connected does not know yet. */
  promote(replica: ReturnType<RedisStore['snapshot']>): void {
    this.#before = this.store.fork();
    this.store.restore(replica);
    for (const client of this.clients) {
      if (!this.#behind.has(client)) client.stay(this.#before);
      this.#behind.add(client);
    }
  }

  /** This one connects to the new master. */
  follow(client: SimulatedClient): void {
    this.#behind.delete(client);
    client.cut();
  }

  /** Whom a client finds when it connects. */
  storeOf(client: SimulatedClient): RedisStore {
    return (this.#behind.has(client) ? this.#before : undefined) ?? this.store;
  }

  block(look: () => void): () => void {
    this.#blocked.add(look);
    return () => this.#blocked.delete(look);
  }

  /** Every connection breaks; commands on their way may still arrive. */
  cutAll(): void {
    for (const client of this.clients) client.cut();
  }
}

export class SimulatedClient {
  readonly isCluster = false;
  readonly options = {};
  status = 'wait';
  readonly #listeners = new Map<string, ((argument?: unknown) => void)[]>();
  readonly #pending = new Set<Waiting>();
  /** Connections before this one: what they were told is not for us. */
  #connection = 0;
  #ended = false;
  /** Who is at the other end, also of commands that are on their way when a new connection is made. */
  #peer: { store: RedisStore };
  #lastSent = 0;
  #lastReplied = 0;

  constructor(
    readonly server: RedisServer,
    readonly name: string | undefined,
    readonly way: Way,
    /** Taken for gone when a reply is this late, ms. */
    readonly silence: number,
  ) {
    this.#peer = { store: server.store };
  }

  on(event: string, listener: (argument?: unknown) => void): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  connect(): Promise<void> {
    this.#dial();
    return Promise.resolve();
  }

  /** @param again - a new connection is made. */
  disconnect(again = false): void {
    if (again) return this.cut();
    this.#ended = true;
    this.server.clients.delete(this);
    this.#drop();
    this.status = 'end';
  }

  /** What it is connected to is master no more. */
  stay(before: RedisStore): void {
    this.#peer.store = before;
  }

  /** The connection breaks; a new one is made. */
  cut(): void {
    if (this.#ended || this.status !== 'ready') return;
    this.#drop();
    this.status = 'reconnecting';
    this.#tell('close');
    this.server.schedule.after(this.server.schedule.between(20, 200), () => this.#dial());
  }

  getBuffer(key: string): Promise<unknown> {
    return this.#send((store) => store.get(key));
  }

  mgetBuffer(keys: readonly string[]): Promise<unknown> {
    return this.#send((store) => keys.map((key) => store.get(key)));
  }

  callBuffer(name: string, ...args: Argument[]): Promise<unknown> {
    return this.#send((store) => command(store, name, args));
  }

  pipeline(): { callBuffer(name: string, ...args: Argument[]): void; exec(): Promise<unknown> } {
    const commands: [string, Argument[]][] = [];
    return {
      callBuffer: (name, ...args) => void commands.push([name, args]),
      exec: () =>
        this.#send((store) => commands.map(([name, args]) => [null, command(store, name, args)])),
    };
  }

  xread(...args: (string | number)[]): Promise<unknown> {
    const [, count, , block, , stream, id] = args;
    const { server } = this;
    const peer = this.#peer;
    return this.#exchange((reply) => {
      const look = (): boolean => {
        const entries = peer.store.tail(String(stream), String(id), Number(count));
        if (entries.length === 0) return false;
        release();
        late.cancel();
        reply([[stream, entries]]);
        return true;
      };
      const release = server.block(look);
      const late = server.schedule.after(Number(block), () => {
        release();
        reply(null);
      });
      look();
    });
  }

  #send(work: Work): Promise<unknown> {
    const peer = this.#peer;
    return this.#exchange((reply) => reply(work(peer.store)));
  }

  /** Commands of one connection arrive in their order, and so do the replies. */
  #exchange(work: (reply: (value: unknown) => void) => void): Promise<unknown> {
    if (this.status !== 'ready') return Promise.reject(new Error(CLOSED));
    const { schedule } = this.server;
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { reject, late: schedule.after(this.silence, () => this.cut()) };
      this.#pending.add(waiting);
      this.#lastSent = Math.max(
        this.#lastSent,
        schedule.now + this.server.latency() * this.way.slow,
      );
      schedule.at(this.#lastSent, () =>
        this.server.execute(() =>
          work((value) => {
            if (connection !== this.#connection) return;
            this.#lastReplied = Math.max(
              this.#lastReplied,
              schedule.now + this.server.latency() * this.way.slow,
            );
            schedule.at(this.#lastReplied, () => {
              if (connection !== this.#connection) return;
              this.#pending.delete(waiting);
              waiting.late.cancel();
              resolve(value);
            });
          }),
        ),
      );
    });
  }

  #dial(): void {
    if (this.#ended) return;
    const { server } = this;
    const { schedule } = server;
    this.status = 'connecting';
    schedule.after(server.latency() * this.way.slow * 2, () => {
      if (this.#ended) return;
      if (server.down || server.frozen || this.way.closed) {
        this.status = 'reconnecting';
        this.#tell('error', new Error('connect ECONNREFUSED'));
        this.#tell('close');
        schedule.after(schedule.between(20, 200), () => this.#dial());
        return;
      }
      this.#lastSent = this.#lastReplied = 0;
      this.#peer = { store: server.storeOf(this) };
      this.status = 'ready';
      this.#tell('ready');
    });
  }

  #drop(): void {
    this.#connection++;
    const lost = [...this.#pending];
    this.#pending.clear();
    for (const { reject, late } of lost) {
      late.cancel();
      reject(new Error(CLOSED));
    }
  }

  #tell(event: string, argument?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(argument);
  }
}

function command(store: RedisStore, name: string, args: readonly Argument[]): unknown {
  if (name === 'INFO') return Buffer.from(`master_replid:${store.history}\r\n`);
  if (name === 'XREAD')
    return entriesAfter(store, String(args[3]), String(args[4]), Number(args[1]));
  if (name === 'HSCAN') return [Buffer.from('0'), store.scan(String(args[0]))];
  if (name === 'HDEL') return store.strike(String(args[0]), args.slice(1).map(String));
  if (name !== 'EVALSHA') return [];
  const [sha, count, ...rest] = args;
  const keys = rest.slice(0, Number(count)).map(String);
  return store.run(String(sha), keys, rest.slice(Number(count)));
}

function entriesAfter(store: RedisStore, stream: string, id: string, count: number): unknown {
  const entries = store.tail(stream, id, count);
  if (entries.length === 0) return null;
  const bytes = entries.map(([at, fields]) => [
    Buffer.from(at),
    fields.map((field) => Buffer.from(field)),
  ]);
  return [[Buffer.from(stream), bytes]];
}
