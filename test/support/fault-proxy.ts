/** A way to a server on which what can go wrong with TCP does: late, slow, in pieces, lost one way or both, cut off. */
import type { Socket } from 'node:net';
import { FaultyOutlet, type Fault } from './faulty-outlet.js';
import { listening, Proxy, type Connection, type Direction, type Outlet } from './proxy.js';
import { seeded } from './random.mjs';

export type { Fault } from './faulty-outlet.js';

/** Which connections are meant; all by default. */
export interface Which {
  /** Those that began with this text. */
  readonly text?: string;
  /** Those that are there now, or those that come later. */
  readonly since?: 'before' | 'after';
}

interface Rule extends Which {
  readonly faults: Partial<Record<Direction, Fault>>;
  /** Number of the newest connection when the rule was made. */
  readonly newest: number;
}

export class FaultProxy extends Proxy {
  readonly #rules = new Set<Rule>();
  readonly #outlets = new Map<Connection, FaultyOutlet[]>();
  #random = seeded(1);

  /** @param seed - of the jitter: the same one gives the same times. */
  static override async start(url: string, seed = 1): Promise<FaultProxy> {
    const proxy = new FaultProxy(url, await listening());
    proxy.#random = seeded(seed);
    return proxy;
  }

  /**
   * From now on; the returned function ends it. A connection that has lost something is reset then: TCP leaves no holes, so it
   * could only have gone on as if nothing had been lost.
   */
  worsen(faults: Rule['faults'], which: Which = {}): () => void {
    const rule: Rule = { ...which, faults, newest: this.newest };
    this.#rules.add(rule);
    return () => {
      this.#rules.delete(rule);
      for (const [connection, outlets] of this.#outlets)
        if (outlets.some(({ lost }) => lost) && !this.#drops(connection).includes(true))
          reset(connection);
    };
  }

  /** What either side sends is lost from now on, and neither hears of the other's end: by default on connections there are. */
  halfOpen(which: Which = { since: 'before' }): () => void {
    return this.worsen({ requests: { drop: true }, replies: { drop: true } }, which);
  }

  /** New connections are accepted, and nothing comes through. */
  silence(): () => void {
    return this.halfOpen({ since: 'after' });
  }

  /** Ends connections with a reset. */
  reset(text?: string): void {
    for (const connection of this.began(text)) reset(connection);
  }

  /** The next reply on each of these connections breaks off in its middle, with a reset; resolves when one has. */
  resetMidReply(text?: string): Promise<void> {
    return Promise.race(
      this.began(text).map((connection) => {
        const [, replies] = this.#outlets.get(connection)!;
        return replies.breakOff().then(() => reset(connection));
      }),
    );
  }

  protected override outlet(to: Socket, direction: Direction, connection: Connection): Outlet {
    const outlet = new FaultyOutlet(
      to,
      () => this.#faultOf(connection, direction),
      () => this.#random(),
    );
    const known = this.#outlets.get(connection) ?? [];
    this.#outlets.set(connection, [...known, outlet]);
    to.once('close', () => this.#outlets.delete(connection));
    return outlet;
  }

  protected override tellsEnd(connection: Connection): boolean {
    return this.#drops(connection).includes(false);
  }

  /** Which directions lose what is sent. */
  #drops(connection: Connection): boolean[] {
    const directions = ['requests', 'replies'] as const;
    return directions.map((direction) => this.#faultOf(connection, direction).drop === true);
  }

  #faultOf({ first, number }: Connection, direction: Direction): Fault {
    const faults = [...this.#rules]
      .filter(({ text = '', since, newest }) => {
        const meant = since === undefined || (since === 'before') === number <= newest;
        return meant && first.includes(text);
      })
      .map((rule) => rule.faults[direction] ?? {});
    return Object.assign({}, ...faults) as Fault;
  }
}

function reset({ client, server }: Connection): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
