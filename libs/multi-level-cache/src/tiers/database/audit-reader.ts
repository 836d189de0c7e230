/** Reads the audit log out of PostgreSQL for the verifier: all of one moment, a page at a time. */
import type { Client } from 'pg';
import {
  AUDIT_FIELDS,
  CHECKPOINT_FIELDS,
  type AuditCheckpoint,
  type AuditRecord,
} from '../../core/audit.js';
import { auditStatements, type AuditStatements } from './audit-sql.js';
import { CONNECT_MS, packagePg } from './connection.js';

const PAGE = 5_000;
const NUMBERS = new Set<string>(['v', 'ts', 'at', 'seq', 'count']);

type Row = Readonly<Record<string, unknown>>;

export class DatabaseAuditReader {
  readonly #sql: AuditStatements;

  private constructor(
    readonly client: Client,
    schema: string,
    /** Wall time; chains that ended before are left out. */
    readonly since: number | undefined,
  ) {
    this.#sql = auditStatements(schema);
  }

  /** What is written meanwhile is not seen, so that checkpoints and records belong together. */
  static async open(url: string, schema: string, since?: number): Promise<DatabaseAuditReader> {
    const { Client: PgClient } = await packagePg();
    const client = new PgClient({
      connectionString: url,
      connectionTimeoutMillis: 10 * CONNECT_MS,
    });
    // A query under way rejects as well.
    client.on('error', () => undefined);
    await client.connect();
    await client.query('begin isolation level repeatable read read only');
    return new DatabaseAuditReader(client, schema, since);
  }

  async *checkpoints(): AsyncGenerator<AuditCheckpoint> {
    let from: unknown[] = ['', 0, '-infinity'];
    for (;;) {
      const { rows } = await this.client.query<Row>(this.#sql.checkpoints, [...from, PAGE]);
      for (const row of rows) yield itemOf<AuditCheckpoint>(row, CHECKPOINT_FIELDS);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      from = [last['chainId'], last['seq'], new Date(Number(last['at']))];
    }
  }

  async *records(): AsyncGenerator<AuditRecord> {
    const chains = await this.#chains();
    let from: unknown[] = ['', 0];
    for (;;) {
      const { rows } = await this.client.query<Row>(this.#sql.records, [...from, PAGE, chains]);
      for (const row of rows) yield itemOf<AuditRecord>(row, AUDIT_FIELDS);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      from = [last['chainId'], last['seq']];
    }
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  async #chains(): Promise<readonly string[] | null> {
    if (this.since === undefined) return null;
    const { rows } = await this.client.query<{ id: string }>(this.#sql.chains, [
      new Date(this.since),
    ]);
    return rows.map(({ id }) => id);
  }
}

/** As it was before it was stored; what was left out is left out again. */
function itemOf<T>(row: Row, fields: readonly string[]): T {
  const item: Record<string, unknown> = {};
  for (const field of fields) {
    const value = row[field];
    if (value !== null) item[field] = NUMBERS.has(field) ? Number(value) : value;
  }
  return item as T;
}
