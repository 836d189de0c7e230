/** L3: entries in PostgreSQL, durable and shared; fills are fenced by a sequence, deletes leave tombstones. */
import { chance, type Clock } from '../../core/clock.js';
import type { Entry } from '../../core/entry.js';
import type { Advice, EntriesPage } from '../../core/inspection.js';
import type { Address, Scope } from '../../core/key.js';
import type { MessageSeal, RefusedMessage } from '../../core/message-seal.js';
import type { L3Options } from '../../core/options.js';
import { resealed } from '../../core/sealed.js';
import type {
  ApplyHow,
  Asker,
  Change,
  DebtBook,
  Filled,
  ListQuery,
  PoolPressure,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
  Trouble,
} from '../../core/tier.js';
import { ReadCoalescer } from '../read-coalescer.js';
import { GatheredChanges } from '../gathered-changes.js';
import { OpenedBefore } from '../opened-before.js';
import { askForAdvice } from './advice.js';
import { Announcements, channelOf } from './backplane.js';
import { Fills } from './fills.js';
import { Hearing } from './hearing.js';
import { listRows } from './listing.js';
import { Notices, type MakeClient } from './notices.js';
import { Outbox } from './outbox.js';
import { Database, troubleOf, type MakePool } from './pool.js';
import { Answers, type Mark, type Row, type RowTicket, type State } from './answers.js';
import { Rows } from './rows.js';
import { SizeEstimate } from './size-estimate.js';
import { names, statements, type Statements } from './sql.js';
import { Sweeper } from './sweeper.js';
import { Once } from '../once.js';
import { TenantKeyTable } from './tenant-keys.js';
import { TenantQuota } from './tenant-quota.js';
import { walled } from './walled.js';
import { Writes } from './writes.js';

const READ_BATCH = 1_000;
/** A statement costs both sides as much as some fifty of its rows: fewer are worth one where the other side works meanwhile. */
const WORTH_A_CALL = 32;
/** Keys of single writes in one statement. */
const WRITE_BATCH = 1_000;
/** A ticket that was not taken from a read of its row may be this old at most. */
const STATE_MS = 60_000;
const PAGE_BYTES = 8_192;

export class DatabaseTier implements Tier {
  readonly name = 'l3';
  readonly book: DebtBook;
  readonly keys: TenantKeyTable;
  readonly #resealing = new Once();
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #rows: Rows;
  readonly #answers: Answers;
  readonly #sweeper: Sweeper;
  readonly #quota: TenantQuota | undefined;
  readonly #reads: ReadCoalescer;
  readonly #fills: Fills;
  readonly #writes: Writes;
  readonly #gathered: GatheredChanges;
  readonly #hearing: Hearing;
  readonly #notices: Notices | undefined;
  readonly #size = new SizeEstimate();
  #listener: TierListener | undefined;
  readonly #announcements: Announcements | undefined;
  #evictions = 0;
  #rejected = 0;
  /** Where the store stood when it last answered. */
  #state: Mark | undefined;

  constructor(
    readonly options: L3Options,
    deps: {
      readonly namespace: string;
      readonly clock: Clock;
      readonly random?: (() => number) | undefined;
      readonly pool?: MakePool | undefined;
      readonly client?: MakeClient | undefined;
      /** Messages and debts are sealed, and others are refused. */
      readonly seal?: MessageSeal | undefined;
      /** How long what an instance with another secret has changed may be served from memory, ms. @defaultValue 30,000 */
      readonly partitionTtl?: number | undefined;
      readonly onRefused?: ((what: RefusedMessage) => void) | undefined;
      /** Callers may change what they get. */
      readonly shared?: boolean;
    },
  ) {
    const { quiet, poolerMode, schema } = options;
    const channel = channelOf(schema, deps.namespace);
    const announcements = quiet ? undefined : new Announcements(channel, deps.seal);
    this.#announcements = announcements;
    this.#clock = deps.clock;
    const named = names(options.schema, options.table);
    const sql = statements(named, !poolerMode, options.listable);
    this.#sql = options.rowSecurity ? walled(named, sql) : sql;
    this.#rows = new Rows(deps.namespace, options, deps.clock);
    const opened = new OpenedBefore(deps.clock, deps.shared);
    const aged = (address: Address, bytes: Buffer): void => this.#reseal(address, bytes);
    this.#answers = new Answers(this.#rows, opened, aged);
    this.#database = new Database(
      options,
      deps.clock,
      () => this.#greet(),
      (up) => this.#listener?.state(up ? 'up' : 'down'),
      deps.pool,
    );
    this.#sweeper = new Sweeper(
      deps.clock,
      {
        dead: (limit) => this.sweep(limit),
        quotas: () => this.#quota?.round() ?? Promise.resolve(),
        measure: () => this.#measure(),
        evict: (limit) => this.#evict(limit),
      },
      options.maxSize,
      deps.random,
    );
    if (options.tenantSize !== undefined)
      this.#quota = new TenantQuota(this.#database, this.#sql, options.tenantSize, (rows) => {
        this.#evictions += rows;
      });
    const wrote = (rows: number): void => this.#sweeper.wrote(rows);
    this.#reads = new ReadCoalescer((addresses) => this.#read(addresses), WORTH_A_CALL, READ_BATCH);
    this.#fills = new Fills(this.#database, this.#sql, this.#rows, wrote);
    this.#hearing = new Hearing({ ...deps, announcements, listener: () => this.#listener });
    this.book = new Outbox(
      this.#database,
      this.#sql,
      deps.namespace,
      named.outbox,
      announcements,
      deps.seal,
      () => this.#hearing.refuse('debt'),
    );
    this.keys = new TenantKeyTable(this.#database, deps.namespace, named.tenantKey);
    const numbers = {
      known: () => this.#state?.n0,
      ask: async () => {
        await this.#greet();
        return this.#state!.n0;
      },
    };
    this.#writes = new Writes(
      this.#database,
      this.#sql,
      this.#rows,
      options.ttl,
      wrote,
      numbers,
      announcements,
    );
    const make = (change: Change, how: ApplyHow): Promise<void> => this.#writes.apply(change, how);
    this.#gathered = new GatheredChanges(make, deps.clock, WRITE_BATCH, false);
    const events = {
      told: (message: string) => this.#hearing.hear(message),
      heard: (at: number) => this.#listener?.heard?.(at),
      lost: () => this.#listener?.lost(),
    };
    const { clock, random = chance, client } = deps;
    // A pooler lends a connection for one statement: nothing can be heard through it.
    if (!quiet && !poolerMode)
      this.#notices = new Notices(options, channel, events, clock, random, client);
  }

  async open(listener: TierListener): Promise<void> {
    this.#listener = listener;
    this.#sweeper.start();
    await Promise.all([this.#database.open(), listener.heard && this.#notices?.open()]);
  }

  async close(): Promise<void> {
    this.#sweeper.close();
    this.#hearing.close();
    await Promise.all([this.#database.close(), this.#notices?.close()]);
  }

  read(address: Address, together?: boolean): Promise<TierRead> {
    return this.#reads.ask(address, together);
  }

  tell(address: Address, asker: Asker<TierRead>, together?: boolean): void {
    this.#reads.tell(address, asker, together);
  }

  /** Without a read of the row, from where the store stood lately: an older number can only refuse more. */
  ticket(_address: Address, { mark }: TierRead): TicketReply {
    const known = (mark as Mark | undefined) ?? this.#recent();
    if (!known) return NONE;
    const ticket: RowTicket = { tier: 'l3', ...known, blind: mark === undefined };
    return { kind: 'granted', ticket };
  }

  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<Filled> {
    this.#count(address);
    const filled = await this.#fills.add(address, entry, ticket as RowTicket);
    if (filled === false) this.#rejected++;
    return filled;
  }

  apply(change: Change, how: ApplyHow = {}): Promise<void> {
    if (change.kind === 'set') this.#count(change.addresses[0]);
    return this.#gathered.apply(change, how);
  }

  take(change: Change, how: ApplyHow, asker: Asker<void>): void {
    if (change.kind === 'set') this.#count(change.addresses[0]);
    this.#gathered.take(change, how, asker);
  }

  list(scope: Scope, query: ListQuery): Promise<EntriesPage> {
    return listRows(this.#database, this.#sql, this.#rows, scope, query);
  }

  status(): TierStatus {
    const { trouble, up } = this.#database;
    return {
      state: up ? 'up' : 'down',
      entries: this.#size.rows,
      bytes: this.#size.bytes,
      evictions: this.#evictions,
      corrupt: this.#answers.corrupt + this.#hearing.rubbish,
      limit: this.options.maxSize,
      rejected: { version: this.#rejected },
      messages: {
        published: this.#announcements?.published ?? 0,
        received: this.#hearing.received,
        dropped: this.#hearing.rubbish,
      },
      ...(up ? undefined : trouble),
    };
  }

  pressure(): PoolPressure | undefined {
    return this.#database.pressure();
  }

  advise(): Promise<readonly Advice[]> {
    return askForAdvice(this.#database, this.options);
  }

  /** Deletes up to `limit` dead rows and as many tag records nobody can need; says how many rows went. */
  async sweep(limit: number): Promise<number> {
    const rows = await this.#database.query(this.#sql.sweepEntries, [limit]);
    await this.#database.query(this.#sql.sweepTags, [limit]);
    return rows.length;
  }

  troubleOf(error: unknown): Trouble {
    return troubleOf(error);
  }

  /** One round of the sweeper now: dead rows, then the size cap. */
  maintain(): Promise<void> {
    return this.#sweeper.round();
  }

  /** What is everybody's is not counted. */
  #count({ scope: { tenant } }: Address): void {
    if (tenant !== 'p') this.#quota?.wrote(this.#rows.tenant(tenant));
  }

  async #greet(): Promise<void> {
    const [state] = await this.#database.ask<State>(this.#sql.state);
    this.#learn(state, this.#clock.now());
  }

  async #read(addresses: readonly Address[]): Promise<readonly TierRead[]> {
    const before = this.#clock.now();
    const question = this.#rows.question(addresses);
    const tenants = this.#rows.tenants(addresses);
    const rows = await this.#database.lists<Row>(this.#sql.read, question, tenants);
    const { state, reads } = this.#answers.judgeAll(addresses, rows, before);
    this.#learn(state, before);
    return reads;
  }

  #learn({ last, inc, tl }: State, takenAt: number): void {
    this.#state = { seen: last, n0: last, inc, tl, takenAt };
  }

  #recent(): Mark | undefined {
    const state = this.#state;
    return state && this.#clock.now() - state.takenAt < STATE_MS ? state : undefined;
  }

  /** Seals by the newest key what was found under an older one, unless it has changed since; nobody waits for it. */
  #reseal(address: Address, bytes: Buffer): void {
    this.#resealing.run(address.name, async () => {
      const fresh = resealed(address, bytes);
      if (!fresh) return;
      const [tenant, hash] = [this.#rows.tenants([address])[0], this.#rows.hashes([address])[0]];
      const how = { tenants: [tenant] };
      await this.#database.query(this.#sql.reseal, [tenant, hash, bytes, fresh], how);
    });
  }

  async #measure(): Promise<number> {
    const { entry } = names(this.options.schema, this.options.table);
    const [{ size }] = await this.#database.query<{ size: number }>(
      'select pg_relation_size($1::regclass)::float8 as size',
      [entry],
    );
    const percent = SizeEstimate.percent(size / PAGE_BYTES);
    const [sample] = await this.#database.query<{ rows: number; bytes: number }>(
      this.#sql.measure,
      [percent],
    );
    this.#size.add(sample, percent);
    return this.#size.bytes;
  }

  async #evict(limit: number): Promise<number> {
    const rows = await this.#database.query<{ bytes: number }>(this.#sql.evict, [limit]);
    this.#evictions += rows.length;
    return rows.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

const NONE: TicketReply = Object.freeze({ kind: 'none' });
