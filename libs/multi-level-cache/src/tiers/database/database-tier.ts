/** L3: entries in PostgreSQL, durable and shared; fills are fenced by a sequence, deletes leave tombstones. */
import type { Clock } from '../../core/clock.js';
import { capped, type Entry } from '../../core/entry.js';
import { open, seal } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
import type { L3Options } from '../../core/options.js';
import type {
  Change,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
} from '../../core/tier.js';
import { Coalescer } from '../coalescer.js';
import { Database } from './pool.js';
import { names, statements, TOMBSTONE_MS, type Statements } from './sql.js';
import { Sweeper } from './sweeper.js';

const READ_BATCH = 200;
const FILL_BATCH = 100;
/** Fills that may wait; more are dropped, which costs a later load and nothing else. */
const MAX_FILLS = 10_000;
const MAX_BYTES = 1024 ** 2;
const KEYS_PER_STATEMENT = 1_000;

/** What a read tells of the store: a ticket for a fill is made of it. */
interface Mark {
  /** Version of the row, 0 where there was none. */
  readonly seen: string;
  readonly n0: string;
  readonly inc: string;
  readonly tl: string;
  readonly takenAt: number;
}

interface RowTicket extends Ticket, Mark {
  readonly tier: 'l3';
}

interface Row {
  readonly at: number;
  readonly last: string;
  readonly inc: string;
  readonly tl: string;
  readonly ver: string | null;
  readonly value: Buffer | null;
  readonly tags: readonly string[] | null;
  readonly current: boolean | null;
  readonly bumped: boolean | null;
  readonly age: number | null;
  readonly fresh: number | null;
  readonly stale: number | null;
}

interface Fill {
  readonly address: Address;
  readonly entry: Entry;
  readonly value: Buffer;
  readonly ticket: RowTicket;
}

export class DatabaseTier implements Tier {
  readonly name = 'l3';
  readonly #namespace: string;
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #sweeper: Sweeper;
  readonly #reads = new Coalescer<Address, TierRead>(
    (addresses) => this.#read(addresses),
    READ_BATCH,
  );
  readonly #fills = new Coalescer<Fill, boolean>((fills) => this.#fill(fills), FILL_BATCH);
  #listener: TierListener | undefined;
  #corrupt = 0;

  constructor(
    readonly options: L3Options,
    deps: { readonly namespace: string; readonly clock: Clock },
  ) {
    this.#namespace = deps.namespace;
    this.#clock = deps.clock;
    this.#sql = statements(names(options.schema, options.table));
    this.#database = new Database(
      options,
      deps.clock,
      () => this.#greet(),
      (up) => this.#listener?.state(up ? 'up' : 'down'),
    );
    this.#sweeper = new Sweeper(deps.clock, (limit) => this.sweep(limit));
  }

  async open(listener: TierListener): Promise<void> {
    this.#listener = listener;
    this.#sweeper.start();
    await this.#database.open();
  }

  async close(): Promise<void> {
    this.#sweeper.close();
    await this.#database.close();
  }

  read(address: Address): Promise<TierRead> {
    return this.#reads.ask(address);
  }

  ticket(_address: Address, { mark }: TierRead): TicketReply {
    return mark === undefined
      ? { kind: 'none' }
      : { kind: 'granted', ticket: { tier: 'l3', ...(mark as Mark) } };
  }

  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<boolean> {
    const value = seal(entry.value, entry.shape, headerOf(entry), address.fingerprint);
    // Too large a value is not stored, which is no reason to distrust it above.
    if (value.length > MAX_BYTES) return true;
    if (this.#fills.waiting >= MAX_FILLS) return false;
    return this.#fills.ask({ address, entry, value, ticket: ticket as RowTicket });
  }

  async apply(change: Change): Promise<void> {
    if (change.kind === 'tags') {
      await this.#database.query(this.#sql.bump, [this.#tenant(change.tenant), change.tags]);
    } else if (change.kind === 'set') {
      await this.#set(change.addresses[0], change.entry);
    } else {
      for (let at = 0; at < change.addresses.length; at += KEYS_PER_STATEMENT) {
        await this.#remove(change.addresses.slice(at, at + KEYS_PER_STATEMENT));
      }
    }
  }

  status(): TierStatus {
    const { up, reason } = this.#database;
    const state = up ? 'up' : 'down';
    return {
      state,
      entries: 0,
      bytes: 0,
      evictions: 0,
      corrupt: this.#corrupt,
      ...(up || !reason ? {} : { reason }),
    };
  }

  /** Deletes up to `limit` dead rows and as many tag records nobody can need; says how many rows went. */
  async sweep(limit: number): Promise<number> {
    const [rows] = await Promise.all([
      this.#database.query(
        `with gone as (${this.#sql.sweepEntries} returning 1) select 1 from gone`,
        [limit],
      ),
      this.#database.query(this.#sql.sweepTags, [limit]),
    ]);
    return rows.length;
  }

  async #greet(): Promise<void> {
    await this.#database.ask(this.#sql.state);
  }

  async #read(addresses: readonly Address[]): Promise<readonly TierRead[]> {
    const before = this.#clock.now();
    const rows = await this.#database.query<Row>(this.#sql.read, [
      addresses.map(({ scope }) => this.#tenant(scope.tenant)),
      addresses.map(({ rowHash }) => rowHash),
      addresses.map(({ scope }) => scope.clearTag),
    ]);
    const reads = new Array<TierRead>(addresses.length);
    for (const row of rows) reads[row.at - 1] = this.#judge(addresses[row.at - 1], row, before);
    return reads;
  }

  #judge(address: Address, row: Row, takenAt: number): TierRead {
    const mark: Mark = { seen: row.ver ?? '0', n0: row.last, inc: row.inc, tl: row.tl, takenAt };
    if (row.ver === null) return { state: 'absent', mark };
    if (row.value === null || !row.current || row.bumped) return { state: 'invalid', mark };
    const bytes = row.value.length;
    const opened = open(row.value, address.fingerprint);
    if (!opened) {
      this.#corrupt++;
      return { state: 'invalid', mark, bytes };
    }
    const [fresh, stale] = [row.fresh!, row.stale!];
    if (stale <= 0) return { state: 'absent', mark };
    const { value, shape, loadMs } = opened;
    const entry: Entry = {
      value,
      shape,
      loadMs,
      tags: row.tags!,
      createdAt: takenAt - row.age!,
      freshUntil: takenAt + fresh,
      staleUntil: takenAt + stale,
    };
    return { state: fresh > 0 ? 'fresh' : 'stale', entry, mark, bytes };
  }

  async #fill(fills: readonly Fill[]): Promise<readonly boolean[]> {
    const now = this.#clock.now();
    // A statement may touch a row once: the latest fill of a key goes, earlier ones count as refused.
    const batch = new Map<string, Fill>();
    for (const fill of fills) {
      const alive = fill.entry.staleUntil > now && now - fill.ticket.takenAt < TOMBSTONE_MS;
      if (alive) batch.set(fill.address.rowHash.toString('hex'), fill);
    }
    const sent = [...batch.values()];
    if (sent.length === 0) return fills.map(() => false);
    const rows = await this.#database.query<{ key_hash: Buffer }>(
      this.#sql.fill,
      this.#columns(sent, now),
    );
    const stored = new Set(rows.map(({ key_hash }) => key_hash.toString('hex')));
    return fills.map((fill) => {
      const hash = fill.address.rowHash.toString('hex');
      return batch.get(hash) === fill && stored.has(hash);
    });
  }

  #columns(fills: readonly Fill[], now: number): unknown[] {
    const lives = fills.map(({ entry }) => this.#life(entry, now));
    return [
      fills.map(({ address }) => this.#tenant(address.scope.tenant)),
      fills.map(({ address }) => address.rowHash),
      fills.map(({ address }) => address.scope.clearTag),
      fills.map(({ value }) => value),
      fills.map(({ ticket }) => ticket.n0),
      fills.map(({ ticket }) => ticket.seen),
      fills.map(({ ticket }) => ticket.inc),
      fills.map(({ ticket }) => ticket.tl),
      fills.map(({ entry }) => JSON.stringify(entry.tags)),
      lives.map(({ age }) => age),
      lives.map(({ fresh }) => fresh),
      lives.map(({ stale }) => stale),
    ];
  }

  async #set(address: Address, entry: Entry): Promise<void> {
    const value = seal(entry.value, entry.shape, headerOf(entry), address.fingerprint);
    // Too large to be kept: what was there before must go all the same.
    if (value.length > MAX_BYTES) return this.#remove([address]);
    const { age, fresh, stale } = this.#life(entry, this.#clock.now());
    const tags = JSON.stringify(entry.tags);
    await this.#database.query(this.#sql.set, [
      this.#tenant(address.scope.tenant),
      address.rowHash,
      value,
      tags,
      age,
      fresh,
      stale,
    ]);
  }

  async #remove(addresses: readonly Address[]): Promise<void> {
    const distinct = [
      ...new Map(addresses.map((address) => [address.rowHash.toString('hex'), address])).values(),
    ];
    await this.#database.query(this.#sql.remove, [
      distinct.map(({ scope }) => this.#tenant(scope.tenant)),
      distinct.map(({ rowHash }) => rowHash),
    ]);
  }

  #life(entry: Entry, now: number): { age: number; fresh: number; stale: number } {
    const kept = this.options.ttl === undefined ? entry : capped(entry, now, this.options.ttl);
    return {
      age: now - kept.createdAt,
      fresh: kept.freshUntil - now,
      stale: kept.staleUntil - now,
    };
  }

  /** Applications that share a database share its tables, never their tenants. */
  #tenant(tenant: string): string {
    return `${this.#namespace}/${tenant}`;
  }
}

/** Times and numbers are columns here; the envelope holds codec, fingerprint and payload. */
function headerOf({ loadMs }: Entry): Parameters<typeof seal>[2] {
  return { createdAt: 0, ttl: 0, grace: 0, loadMs, n0: 0, epoch: 0, tags: [] };
}
