#!/usr/bin/env node
/** The command `mlcache-audit`: verifies an audit log, tells what a key is called in it, prints its tables. */
import { open, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { AuditCheckpoint, AuditRecord } from '../core/audit.js';
import { isCacheError } from '../core/errors.js';
import { Address, Scope, tenantName } from '../core/key.js';
import { checkpointFile, readCheckpoint, readRecord } from '../security/audit/json-lines.js';
import { AuditSeal } from '../security/audit/seal.js';
import { verifyAudit, type AuditReport, type AuditSource } from '../security/audit/verify.js';
import { DatabaseAuditReader } from '../tiers/database/audit-reader.js';
import { auditStatements } from '../tiers/database/audit-sql.js';
import { readArguments, USAGE, UsageError, type AuditArguments } from './audit-options.js';
import { linesOf, verdictOf } from './audit-report.js';

const NOT_VERIFIED = 3;
const NEWLINE = 0x0a;
const LEAST_BYTES = 32;

try {
  process.exitCode = await run(readArguments(process.argv.slice(2), Date.now()));
} catch (error) {
  console.error(complaint(error));
  process.exitCode = NOT_VERIFIED;
}

async function run(given: AuditArguments): Promise<number> {
  if (given.command === 'verify') return verify(given);
  if (given.command === 'hash') return hash(given);
  if (given.command !== 'tables') throw new UsageError(`there is no command ${given.command}`);
  const { schema, tables } = auditStatements(given.schema);
  console.log(`${schema}\n${tables}`);
  return 0;
}

async function verify(given: AuditArguments): Promise<number> {
  const { database, files, since } = given;
  if ((database === undefined) === (files.length === 0))
    throw new UsageError('verify takes either --database or --file');
  const how = { keys: await keysOf(given), now: Date.now(), ...(since ? { since } : {}) };
  let report: AuditReport;
  if (database === undefined) report = await verifyAudit(filesOf(given), how);
  else {
    const reader = await DatabaseAuditReader.open(database, given.schema, since);
    try {
      const checkpoints = both(reader.checkpoints(), fileCheckpoints(given.checkpoints));
      report = await verifyAudit({ records: reader.records(), checkpoints }, how);
    } finally {
      await reader.close();
    }
  }
  for (const line of linesOf(report)) console.log(line);
  return verdictOf(report);
}

async function hash(given: AuditArguments): Promise<number> {
  const { cache, namespace, tenant } = given;
  if (namespace === undefined) throw new UsageError('hash takes --namespace');
  const [key] = await keysOf(given);
  const seal = new AuditSeal(key);
  const scope = new Scope(namespace, tenantName(tenant), cache);
  for await (const line of createInterface({ input: process.stdin }))
    console.log(`${seal.name('key', new Address(scope, line).name)} ${line}`);
  return 0;
}

/** An application may or may not keep the newline at the end of its key's file. */
async function keysOf({ keyFiles }: AuditArguments): Promise<readonly Uint8Array[]> {
  const fromFiles = await Promise.all(keyFiles.map((file) => readFile(file)));
  const text = process.env['MLCACHE_AUDIT_KEY'];
  const given = text === undefined ? fromFiles : [...fromFiles, Buffer.from(text)];
  if (given.length === 0) throw new UsageError('a key is needed: --key-file or MLCACHE_AUDIT_KEY');
  const bare = given.filter((key) => key.at(-1) === NEWLINE && key.length > LEAST_BYTES);
  return [...bare.map((key) => key.subarray(0, -1)), ...given];
}

function filesOf({ files, checkpoints }: AuditArguments): AuditSource {
  const all = [...files.map(checkpointFile), ...checkpoints];
  return { records: fileRecords(files), checkpoints: fileCheckpoints(all) };
}

async function* fileRecords(files: readonly string[]): AsyncGenerator<AuditRecord | undefined> {
  for (const file of files) for await (const line of lines(file)) yield readRecord(line);
}

async function* fileCheckpoints(
  files: readonly string[],
): AsyncGenerator<AuditCheckpoint | undefined> {
  for (const file of files) for await (const line of lines(file, true)) yield readCheckpoint(line);
}

async function* both<T>(first: AsyncIterable<T>, second: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* second;
}

/** @param mayBeAbsent - a process that was killed early has made none. */
async function* lines(file: string, mayBeAbsent = false): AsyncGenerator<string> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (!mayBeAbsent || error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (handle) yield* handle.readLines();
}

/** Never an address, a password or a key. */
function complaint(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${USAGE}`;
  if (isCacheError(error)) return error.message;
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `not verified: the log or its key could not be read${code}`;
}
