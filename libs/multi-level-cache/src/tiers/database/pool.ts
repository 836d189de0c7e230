/** The tier's own connections: bounded, never silent for long, and known to be up or down. */
import { createHash } from 'node:crypto';
import type { Pool, PoolClient, PoolConfig, QueryConfig, QueryResultRow } from 'pg';
import type { Clock } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';
import { CacheError, isCacheError } from '../../core/errors.js';
import type { L3Options } from '../../core/options.js';
import type { PoolPressure, Trouble } from '../../core/tier.js';
import { CONNECT_MS, packagePg, poolConfig } from './connection.js';
import { migrate } from './migrations.js';
import { ORDERED, scopedQueryOf, spell } from './scoped-query.js';
import { names, REMEMBER_SERVER } from './sql.js';
import { Turnstile } from './turnstile.js';
import { isWalled } from './walled.js';

/** A statement without a reply for this long means that the server is gone or frozen. */
const SILENCE_MS = 1_000;
const PROBE_MS = 1_000;
/**
 * Troubles of one statement, not of the connection: bad data, deadlocks, cancelled statements, and a server that takes no
 * writes or does not permit this one.
 */
const STATEMENT_TROUBLE = /^(22|23|25|40|54|55|58)|^(42501|53100|53200|57014)$/;
/** What a server that only speaks like PostgreSQL says to a question it does not know. */
const NOT_UNDERSTOOD = /^(0A|42)/;
const NOT_WALLED = 'without row-level security for this user';
const WORTH_A_RETRY = new Set(['40P01', '40001']);

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** It goes before those that are not. */
  readonly urgent?: boolean | undefined;
  /** Not sent any more from then on. */
  readonly until?: number | undefined;
  readonly rowMode?: 'array';
  /** The tier works without its answer: that it is not understood is no trouble. */
  readonly aside?: boolean | undefined;
  /** Whose rows it may see and write, where row-level security keeps them apart. */
  readonly tenants?: readonly string[] | undefined;
  /** It reads along an index, and a few rows of it. */
  readonly ordered?: boolean | undefined;
}

/** Makes the pool; the package pg does, unless another maker is given. */
export type MakePool = (config: PoolConfig) => Pool | Promise<Pool>;

export class Database {
  /** What keeps it away. */
  trouble: Trouble | undefined;
  #pool: Pool | undefined;
  #up = false;
  #closed = false;
  #migrated = false;
  #probing = false;
  /** When a statement was answered last. */
  #heardAt = -Infinity;
  /** Statements that have come and not ended, also those that wait for their turn, of which the pool does not know. */
  #statements = 0;
  readonly #turnstile: Turnstile;
  /** Not the timers of pg: a process that stood still hears the reply first, and holds that time against nobody. */
  readonly #silence: Deadline;
  readonly #connecting: Deadline;
  readonly #names = new Map<string, string>();
  /** Sends what says for whom it runs; none = row-level security is not asked for. */
  #scoped: ReturnType<typeof scopedQueryOf> | undefined;
  /** The same for what is read in an order; made when it is first asked for. */
  #ordered: ReturnType<typeof scopedQueryOf> | undefined;

  constructor(
    readonly options: L3Options,
    readonly clock: Clock,
    /** Run on every contact after the tables are there; throws if they are not usable. */
    readonly greet: () => Promise<void>,
    readonly onState: (up: boolean) => void,
    readonly makePool: MakePool = poolOfPg,
  ) {
    this.#turnstile = new Turnstile(options.poolSize);
    this.#silence = new Deadline(clock, SILENCE_MS, 'PostgreSQL');
    this.#connecting = new Deadline(clock, CONNECT_MS, 'PostgreSQL');
  }

  get up(): boolean {
    return this.#up;
  }

  /** `undefined` = there is no pool yet. */
  pressure(): PoolPressure | undefined {
    if (!this.#pool) return undefined;
    const { poolSize } = this.options;
    const { idleCount, totalCount, waitingCount } = this.#pool;
    const inLine = Math.max(this.#statements - poolSize, 0);
    // Who waits beside an idle connection has it in a moment.
    const waiting = inLine + Math.max(waitingCount - idleCount, 0);
    return { waiting, idle: Math.max(1 - (totalCount - idleCount) / poolSize, 0) };
  }

  /** First contact; resolves also when it failed, and goes on trying. */
  async open(): Promise<void> {
    const { poolerMode, rowSecurity } = this.options;
    if (rowSecurity) this.#scoped = scopedQueryOf(await packagePg(), !poolerMode);
    const pool = await this.makePool(poolConfig(this.options));
    // Idle connections report the end of the server here; without a listener that ends the process.
    pool.on('error', (error) => this.#lose(error));
    // A client in use reports it by itself as well, beside the rejection of its statement.
    pool.on('connect', (client) => {
      client.on('error', (error) => this.#lose(error));
      // Before the first statement that needs it, which fails by name where this has failed.
      if (!poolerMode) client.query(REMEMBER_SERVER).catch(() => undefined);
    });
    this.#pool = pool;
    await this.#contact();
  }

  /**
   * Runs one statement; refuses at once while the server is known to be away or too many wait. `urgent` ones, which remove
   * something, go before reads and fills. One whose turn comes after `until` is refused.
   */
  query<R extends QueryResultRow>(
    text: string,
    values: readonly unknown[],
    how: Pick<Statement, 'urgent' | 'until' | 'tenants' | 'aside' | 'ordered'> = {},
  ): Promise<R[]> {
    return this.#inTurn<R>({ text, values, ...how });
  }

  /** The same with rows as lists, which are cheaper to make than objects. */
  lists<R extends readonly unknown[]>(
    text: string,
    values: readonly unknown[],
    tenants: readonly string[],
  ): Promise<R[]> {
    return this.#inTurn<R>({ text, values, rowMode: 'array', tenants });
  }

  /** For `greet`: also while the state is not up yet. */
  async ask<R extends QueryResultRow>(text: string): Promise<R[]> {
    return this.#send<R>({ text, values: [] });
  }

  async #inTurn<R>(statement: Statement): Promise<R[]> {
    if (!this.#up) throw unavailable(this.trouble?.reason);
    let pass: (() => void) | undefined;
    this.#statements++;
    try {
      pass = await this.#turnstile.enter(statement.urgent === true);
      if (this.clock.now() >= (statement.until ?? Infinity)) throw unavailable('busy');
      return await this.#retry<R>(statement);
    } finally {
      this.#statements--;
      pass?.();
    }
  }

  async #retry<R>(statement: Statement): Promise<R[]> {
    try {
      return await this.#send<R>(statement);
    } catch (error) {
      if (!WORTH_A_RETRY.has(codeOf(error))) throw error;
      return this.#send<R>(statement);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#up = false;
    // Waits for clients in use; a frozen server would keep them for ever.
    const late = new Promise<void>((resolve) => this.clock.after(SILENCE_MS, resolve));
    await Promise.race([this.#pool?.end().catch(() => undefined), late]);
  }

  async #send<R>({ text, values, rowMode, tenants = [], aside, ordered }: Statement): Promise<R[]> {
    const pool = this.#pool;
    if (!pool || this.#closed) throw unavailable('not open');
    const scoped = ordered ? await this.#inOrder() : this.#scoped;
    try {
      const client = await this.#connect(pool);
      try {
        const query = {
          text,
          values: values as unknown[],
          ...(rowMode ? { rowMode } : {}),
          ...(this.options.poolerMode ? {} : { name: this.#nameOf(text) }),
        };
        const { rows } = await this.#silence.race(
          scoped ? sendScoped(scoped, tenants, client, query) : client.query(query),
        );
        client.release();
        this.#heardAt = this.clock.now();
        return rows as R[];
      } catch (error) {
        // A connection whose reply was not waited for cannot be used again.
        client.release(!STATEMENT_TROUBLE.test(codeOf(error)));
        throw error;
      }
    } catch (error) {
      const code = codeOf(error);
      const isMinor = STATEMENT_TROUBLE.test(code) || (aside && NOT_UNDERSTOOD.test(code));
      if (!isMinor && !isCacheError(error, 'CACHE_TIER_UNAVAILABLE')) this.#lose(error);
      throw error;
    }
  }

  async #inOrder(): Promise<ReturnType<typeof scopedQueryOf>> {
    const { poolerMode } = this.options;
    return (this.#ordered ??= scopedQueryOf(await packagePg(), !poolerMode, ORDERED));
  }

  /** @throws CacheError `CACHE_TIER_UNAVAILABLE` where it does not come and the server answers others meanwhile: it is not away */
  async #connect(pool: Pool): Promise<PoolClient> {
    const before = this.clock.now();
    const client = pool.connect();
    try {
      return await this.#connecting.race(client);
    } catch (error) {
      if (!isCacheError(error, 'CACHE_TIER_TIMEOUT')) throw error;
      // One that comes after all is the next caller's.
      client.then(
        (late) => late.release(),
        () => undefined,
      );
      if (this.#heardAt >= before) throw unavailable('busy');
      throw new Error(`no connection within ${CONNECT_MS} ms`, { cause: error });
    }
  }

  /** Prepared once per connection; a name stands for one text, or pg refuses it. */
  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `mlc_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
      this.#names.set(text, name);
    }
    return name;
  }

  async #contact(): Promise<void> {
    if (this.#probing || this.#closed) return;
    this.#probing = true;
    try {
      if (this.options.migrate && !this.#migrated) await this.#migrate();
      if (this.#scoped) await this.#assertWalled();
      await this.greet();
      if (this.#closed) return;
      this.trouble = undefined;
      this.#up = true;
      this.onState(true);
    } catch (error) {
      this.#lose(error);
      this.#probeLater();
    } finally {
      this.#probing = false;
    }
  }

  /** Nothing is asked of tables that would show this user what it must not see. */
  async #assertWalled(): Promise<void> {
    const { schema, table } = this.options;
    const [found] = await this.ask<{ walled: boolean }>(isWalled(names(schema, table)));
    if (!found?.walled) throw new CacheError('CACHE_CONFIG_INVALID', NOT_WALLED);
  }

  async #migrate(): Promise<void> {
    const client = await this.#connect(this.#pool!);
    try {
      await migrate(client, this.options);
      this.#migrated = true;
    } finally {
      client.release();
    }
  }

  #lose(error: unknown): void {
    this.trouble = troubleOf(error);
    if (!this.#up || this.#closed) return;
    this.#up = false;
    this.onState(false);
    this.#probeLater();
  }

  #probeLater(): void {
    if (!this.#closed) this.clock.after(PROBE_MS, () => void this.#contact());
  }
}

function sendScoped(
  Scoped: ReturnType<typeof scopedQueryOf>,
  tenants: readonly string[],
  client: PoolClient,
  query: QueryConfig,
): Promise<{ rows: unknown[] }> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | undefined, result: { rows: unknown[] }): void =>
      error ? reject(error) : resolve(result);
    client.query(new Scoped(query, spell(tenants), done));
  });
}

async function poolOfPg(config: PoolConfig): Promise<Pool> {
  const { Pool: PgPool } = await packagePg();
  return new PgPool(config);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function unavailable(reason: string | undefined): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', `PostgreSQL is ${reason ?? 'away'}`);
}

/** What an operator has to know; never an address, a name or a password. */
export function troubleOf(error: unknown): Trouble {
  if (isCacheError(error, 'CACHE_TIER_TIMEOUT')) return { reason: 'silent' };
  if (isCacheError(error, 'CACHE_CONFIG_INVALID')) return { reason: NOT_WALLED, config: true };
  const code = codeOf(error);
  const mend = (reason: string): Trouble => ({ reason, config: true });
  if (code.startsWith('28')) return mend('refusing the authentication');
  if (code === '3D000') return mend('without the database asked for');
  if (code === '42501') return mend('refusing a permission');
  if (code === '42P01' || code === '3F000') return mend('without the tables of the cache');
  if (code === '42703') return mend('with tables of an older version');
  if (code === '25006') return { reason: 'it takes no writes (read-only)' };
  if (code === '53100') return { reason: 'its disk is full' };
  return { reason: code ? `not usable (${code})` : 'not reachable' };
}
