/** A way to a server that a test can hold or cut: a request stops before the server has it, or a reply before its client has it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Stop } from './cache.js';

/** What tells connections of one client apart is said in their first bytes. */
const FIRST_BYTES = 4_096;

/** One direction of one connection. */
class Lane {
  #held: Buffer[] | undefined;
  #arrive: (() => void) | undefined;

  constructor(readonly to: Socket) {}

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

interface Connection {
  readonly requests: Lane;
  readonly replies: Lane;
  readonly client: Socket;
  first: string;
}

interface Watch {
  readonly text: string;
  readonly lane: 'requests' | 'replies';
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

  /** Between its clients and the server of `url`. */
  static async start(url: string): Promise<Proxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Proxy(url, server);
  }

  private constructor(
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
    const held = [...this.#connections].filter(({ first }) => first.includes(text));
    if (held.length === 0) throw new Error(`no connection began with ${text}`);
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
    const ended = [...this.#connections].filter(({ first }) => first.includes(text));
    if (ended.length === 0) throw new Error(`no connection began with ${text}`);
    for (const { client } of ended) client.destroy();
  }

  mend(): void {
    this.#cut = false;
    this.#refused = undefined;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
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
    const connection = {
      requests: new Lane(server),
      replies: new Lane(client),
      client,
      first: '',
    };
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
        other.destroy();
      });
    }
    if (this.#cut) client.destroy();
  }
}
