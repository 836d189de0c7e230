/** What tests of the audit log in PostgreSQL look into. */
import pg from 'pg';
import type { AuditReport } from '../../libs/multi-level-cache/src/security/audit/verify.js';
import { verifyAudit } from '../../libs/multi-level-cache/src/security/audit/verify.js';
import { DatabaseAuditReader } from '../../libs/multi-level-cache/src/tiers/database/audit-reader.js';

export const AUDIT_KEY = Buffer.from('a key for tests, of 32 bytes at least');

export async function verifyDatabase(url: string, now = Date.now()): Promise<AuditReport> {
  const reader = await DatabaseAuditReader.open(url, 'mlcache');
  try {
    const source = { records: reader.records(), checkpoints: reader.checkpoints() };
    return await verifyAudit(source, { keys: [AUDIT_KEY], now });
  } finally {
    await reader.close();
  }
}

/** One statement on a connection of its own. */
export async function query<R extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Whoever owns the tables can do this. */
export async function tamper(url: string, ...statements: readonly string[]): Promise<void> {
  const off = ['audit', 'audit_checkpoint'].map(
    (table) => `alter table mlcache.${table} disable trigger user`,
  );
  await query(url, [...off, ...statements].join('; '));
}
