/** Loaded values on their way into the table: gathered, and refused where the row has changed since the ticket was taken. */
import type { Entry } from '../../core/entry.js';
import type { Address } from '../../core/key.js';
import type { Filled } from '../../core/tier.js';
import { Coalescer } from '../coalescer.js';
import type { Database } from './pool.js';
import type { RowTicket } from './answers.js';
import type { Rows, Spans } from './rows.js';
import { TOMBSTONE_MS, type Statements } from './sql.js';

const BATCH = 1_000;
/** Fills that may wait; more are dropped, which costs a later load and nothing else. */
const MAX_WAITING = 10_000;

interface Fill {
  readonly address: Address;
  readonly entry: Entry;
  readonly value: Buffer;
  readonly ticket: RowTicket;
}

interface Sent {
  readonly fill: Fill;
  readonly spans: Spans;
}

export class Fills {
  readonly #queue = new Coalescer<Fill, boolean>((fills) => this.#send(fills), BATCH);

  constructor(
    readonly database: Database,
    readonly sql: Statements,
    readonly rows: Rows,
    readonly wrote: (rows: number) => void,
  ) {}

  /** Whether the value is kept. */
  async add(address: Address, entry: Entry, ticket: RowTicket): Promise<Filled> {
    const value = this.rows.seal(address, entry);
    if (typeof value === 'string') return value;
    if (this.#queue.waiting >= MAX_WAITING) return false;
    return this.#queue.ask({ address, entry, value, ticket }, true);
  }

  async #send(fills: readonly Fill[]): Promise<readonly boolean[]> {
    const now = this.rows.clock.now();
    // A statement may touch a row once: the latest fill of a key goes, earlier ones count as refused.
    const batch = new Map<string, Sent>();
    for (const fill of fills) {
      const spans = this.rows.spans(fill.entry);
      if (spans && now - fill.ticket.takenAt < TOMBSTONE_MS)
        batch.set(fill.address.rowHash, { fill, spans });
    }
    if (batch.size === 0) return fills.map(() => false);
    const sent = [...batch.values()];
    const stored = new Set(
      (await this.#store(sent)).map(({ key_hash }) => key_hash.toString('hex')),
    );
    this.wrote(stored.size);
    return fills.map((fill) => {
      const hash = fill.address.rowHash;
      return batch.get(hash)?.fill === fill && stored.has(hash);
    });
  }

  #store(sent: readonly Sent[]): Promise<{ key_hash: Buffer }[]> {
    const tenants = this.rows.tenants(sent.map(({ fill }) => fill.address));
    return this.database.query(this.sql.fill, this.#columns(sent), { tenants });
  }

  #columns(sent: readonly Sent[]): unknown[] {
    const addresses = sent.map(({ fill }) => fill.address);
    const tickets = sent.map(({ fill }) => fill.ticket);
    return [
      this.rows.tenants(addresses),
      this.rows.hashes(addresses),
      this.rows.implied(addresses),
      sent.map(({ fill }) => fill.value),
      tickets.map(({ n0 }) => n0),
      tickets.map(({ seen }) => seen),
      tickets.map(({ inc }) => inc),
      tickets.map(({ tl }) => tl),
      sent.map(({ fill }) => JSON.stringify(fill.entry.tags)),
      sent.map(({ spans }) => spans.age),
      sent.map(({ spans }) => spans.fresh),
      sent.map(({ spans }) => spans.stale),
      tickets.map(({ blind }) => blind),
      ...this.rows.names(addresses),
    ];
  }
}
