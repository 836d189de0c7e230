/** A way to a server that a test can hold or cut: a request stops before the server has it, or a reply before its client has it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Stop } from './cache.js';

/** One connection through the proxy, in one direction. */
class Way {
  #held: Buffer[] | undefined;

  constructor(readonly to: Socket) {}

  hold(): void {
    this.#held ??= [];
  }

  send(chunk: Buffer): void {
    if (this.#held) this.#held.push(chunk);
    else this.to.write(chunk);
  }

  pass(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.to.write(chunk);
  }
}

interface Watch {
  readonly what: 'request' | 'reply';
  readonly text: string;
  stopped(way: Way): void;
}

export class Proxy {
  /** The server's, by way of here. */
  readonly url: string;
  readonly #sockets = new Set<Socket>();
  #watch: Watch | undefined;
  #cut = false;

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
    server.on('connection', (client) => this.#connect(client, connect(port, target.hostname)));
  }

  /** The next request with this text in it stops before the server gets it. */
  holdRequest(text: string): Stop {
    return this.#hold('request', text);
  }

  /** The reply to the next request with this text in it stops: the server has done it, and its client does not know. */
  holdReply(text: string): Stop {
    return this.#hold('reply', text);
  }

  /** Ends all connections and takes no new ones until `mend()`. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #hold(what: Watch['what'], text: string): Stop {
    let arrive!: () => void;
    let held: Way | undefined;
    const reached = new Promise<void>((resolve) => (arrive = resolve));
    const stopped = (way: Way): void => {
      held = way;
      arrive();
    };
    this.#watch = { what, text, stopped };
    return { reached, pass: () => held?.pass() };
  }

  #connect(client: Socket, server: Socket): void {
    const [requests, replies] = [new Way(server), new Way(client)];
    let answered: (() => void) | undefined;
    client.on('data', (chunk: Buffer) => {
      const watch = this.#watch;
      if (watch && chunk.includes(watch.text)) {
        this.#watch = undefined;
        if (watch.what === 'request') {
          requests.hold();
          watch.stopped(requests);
        } else {
          replies.hold();
          answered = () => watch.stopped(replies);
        }
      }
      requests.send(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      replies.send(chunk);
      answered?.();
      answered = undefined;
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    if (this.#cut) client.destroy();
  }
}
