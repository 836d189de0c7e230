/** The audit log in PostgreSQL: one connection of its own, records in batches, checkpoints next to them. */
import type { Pool, PoolClient } from 'pg';
import {
  AUDIT_FIELDS,
  CHECKPOINT_FIELDS,
  type AuditCheckpoint,
  type AuditRecord,
  type AuditSink,
} from '../../core/audit.js';
import type { Clock } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';
import type { L3Options } from '../../core/options.js';
import { auditStatements, PRUNE_ROWS, type AuditStatements } from './audit-sql.js';
import { packagePg, poolConfig } from './connection.js';
import { LOCK } from './migrations.js';

/** One writes records, the other removes old ones meanwhile. */
const CONNECTIONS = 2;
/** Without a reply for this long the server is gone or frozen; a batch takes a fraction of it. */
const SILENCE_MS = 5_000;
const CLOSE_MS = 1_000;

/** Needs the connection of L3, and nothing of its tables. */
export class DatabaseAuditSink implements AuditSink {
  readonly #sql: AuditStatements;
  readonly #silence: Deadline;
  #pool: Promise<Pool> | undefined;
  #made = false;

  constructor(
    readonly options: L3Options,
    readonly clock: Clock,
  ) {
    this.#sql = auditStatements(options.schema);
    this.#silence = new Deadline(clock, SILENCE_MS, 'PostgreSQL');
  }

  async write(records: readonly AuditRecord[]): Promise<void> {
    await this.#run('insert', listsOf(records, AUDIT_FIELDS));
  }

  async checkpoint(checkpoint: AuditCheckpoint): Promise<void> {
    await this.#run('checkpoint', listsOf([checkpoint], CHECKPOINT_FIELDS));
  }

  /** In steps that hold no lock for long. */
  async prune(before: number): Promise<number> {
    let all = 0;
    for (let last = PRUNE_ROWS; last >= PRUNE_ROWS; all += last) {
      const [{ removed }] = await this.#run<{ removed: string }>('prune', [new Date(before)]);
      last = Number(removed);
    }
    return all;
  }

  async close(): Promise<void> {
    const pool = await this.#pool?.catch(() => undefined);
    // Waits for connections in use, and a frozen server keeps them.
    const late = new Promise<void>((resolve) => this.clock.after(CLOSE_MS, resolve));
    await Promise.race([pool?.end().catch(() => undefined), late]);
  }

  async #run<R>(what: 'insert' | 'checkpoint' | 'prune', values: unknown[]): Promise<R[]> {
    const pool = await (this.#pool ??= this.#open());
    const client = await pool.connect();
    try {
      if (!this.#made) await this.#silence.race(this.#make(client));
      // A pooler keeps no plans for statements.
      const name = this.options.poolerMode ? {} : { name: `mlc_audit_${what}` };
      const query = { text: this.#sql[what], values, ...name };
      const { rows } = await this.#silence.race(client.query(query));
      client.release();
      return rows as R[];
    } catch (error) {
      // Whatever it was: the next try has a connection of which nothing is left.
      client.release(true);
      throw error;
    }
  }

  async #open(): Promise<Pool> {
    const { Pool: PgPool } = await packagePg();
    const pool = new PgPool({
      ...poolConfig({ ...this.options, poolSize: CONNECTIONS }),
      application_name: 'multi-level-cache audit',
    });
    // The statement under way rejects; an idle connection that ends is made anew.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  }

  async #make(client: PoolClient): Promise<void> {
    if (this.options.migrate) {
      // Processes that boot together wait for each other.
      await client.query('begin');
      await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
      const { rows } = await client.query<Record<'tables' | 'schema', boolean>>(this.#sql.there);
      // Also `if not exists` asks for permissions that the tables themselves do not need.
      if (!rows[0].schema) await client.query(this.#sql.schema);
      if (!rows[0].tables) await client.query(this.#sql.tables);
      await client.query('commit');
    }
    this.#made = true;
  }
}

type Field<T> = keyof T & string;

/** A list for each column. */
function listsOf<T extends object>(items: readonly T[], fields: readonly Field<T>[]): unknown[][] {
  return fields.map((field) => items.map((item) => valueOf(field, item[field])));
}

function valueOf(field: string, value: unknown): unknown {
  return field === 'ts' || field === 'at'
    ? new Date(value as number).toISOString()
    : (value ?? null);
}
