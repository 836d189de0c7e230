/** A way to a server that a test can hold or cut: a request stops before the server has it, or a reply before its client has it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Stop } from './cache.js';

/** What tells connections of one client apart is said in their first bytes. */
const FIRST_BYTES = 4_096;

export type Direction = 'requests' | 'replies';

/** Where bytes go that are not held. */
export interface Outlet {
  write(bytes: Buffer): void;
}

/** One direction of one connection. */
class Lane {
  #held: Buffer[] | undefined;
  #arrive: (() => void) | undefined;

  constructor(readonly to: Outlet) {}

  /** Calls `arrive` when something stands here. */
  hold(arrive: () => void): void {
    this.#held ??= [];
    this.#arrive = arrive;
  }

  send(chunk: Buffer): void {
    if (!this.#held) {
      this.to.write(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#arrive?.();
  }

  pass(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.to.write(chunk);
  }
}

/** A client's socket and the one to the server that belongs to it. */
export class Connection {
  /** What the client has said first. */
  first = '';
  readonly requests: Lane;
  readonly replies: Lane;

  constructor(
    /** Later ones have higher numbers. */
    readonly number: number,
    readonly client: Socket,
    readonly server: Socket,
    outlet: (to: Socket, direction: Direction, connection: Connection) => Outlet,
  ) {
    this.requests = new Lane(outlet(server, 'requests', this));
    this.replies = new Lane(outlet(client, 'replies', this));
  }
}

interface Watch {
  readonly text: string;
  readonly lane: Direction;
  found(lane: Lane): void;
}

export class Proxy {
  /** The server's, by way of here. */
  readonly url: string;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  #watch: Watch | undefined;
  #cut = false;
  #refused: string | undefined;
  #last = 0;

  /** Between its clients and the server of `url`. */
  static async start(url: string): Promise<Proxy> {
    return new Proxy(url, await listening());
  }

  protected constructor(
    url: string,
    readonly server: Server,
  ) {
    const target = new URL(url);
    const port = Number(target.port);
    target.port = String((server.address() as AddressInfo).port);
    this.url = target.href;
    server.on('connection', (client) => this.#join(client, connect(port, target.hostname)));
  }

  /** The next request with this text in it stops before the server gets it. */
  holdRequest(text: string): Stop {
    return this.#holdNext(text, 'requests');
  }

  /** The reply to the next request with this text in it stops: the server has done it, and its client does not know. */
  holdReply(text: string): Stop {
    return this.#holdNext(text, 'replies');
  }

  /** All replies stop from now on, on connections that began with this text. */
  holdConnection(text: string): Stop {
    const held = this.began(text);
    let arrive!: () => void;
    const reached = new Promise<void>((resolve) => (arrive = resolve));
    for (const { replies } of held) replies.hold(arrive);
    const pass = (): void => {
      for (const { replies } of held) replies.pass();
    };
    return { reached, pass };
  }

  /** Ends all connections, or those that began with this text, and takes no new ones of them until `mend()`. */
  cut(text?: string): void {
    if (text === undefined) {
      this.#cut = true;
      for (const socket of this.#sockets) socket.destroy();
      return;
    }
    this.#refused = text;
    for (const { client } of this.began(text)) client.destroy();
  }

  mend(): void {
    this.#cut = false;
    this.#refused = undefined;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Number of the newest connection. */
  protected get newest(): number {
    return this.#last;
  }

  /** Connections that began with this text, of which there must be some; without one all there are. */
  protected began(text = ''): Connection[] {
    const found = [...this.#connections].filter(({ first }) => first.includes(text));
    if (text !== '' && found.length === 0) throw new Error(`no connection began with ${text}`);
    return found;
  }

  /** Where one direction of a connection leads; a proxy of worse ways puts something in between. */
  protected outlet(to: Socket, _direction: Direction, _connection: Connection): Outlet {
    return to;
  }

  /** Whether one side hears that the other has gone. */
  protected tellsEnd(_connection: Connection): boolean {
    return true;
  }

  #holdNext(text: string, lane: Watch['lane']): Stop {
    let arrive!: () => void;
    let held: Lane | undefined;
    const reached = new Promise<void>((resolve) => (arrive = resolve));
    const found = (on: Lane): void => {
      held = on;
      on.hold(arrive);
    };
    this.#watch = { text, lane, found };
    return { reached, pass: () => held?.pass() };
  }

  #join(client: Socket, server: Socket): void {
    const connection = new Connection(++this.#last, client, server, (...to) => this.outlet(...to));
    this.#connections.add(connection);
    client.on('data', (chunk: Buffer) => {
      if (connection.first.length < FIRST_BYTES) connection.first += chunk.toString('latin1');
      if (this.#refused !== undefined && connection.first.includes(this.#refused)) client.destroy();
      const watch = this.#watch;
      if (watch && chunk.includes(watch.text)) {
        this.#watch = undefined;
        watch.found(connection[watch.lane]);
      }
      connection.requests.send(chunk);
    });
    server.on('data', (chunk: Buffer) => connection.replies.send(chunk));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#connections.delete(connection);
        if (this.#cut || this.tellsEnd(connection)) other.destroy();
      });
    }
    if (this.#cut) client.destroy();
  }
}

/** On a port that is free. */
export async function listening(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
