/** What an application may say about its audit log, and what the parts get once it has been checked. No checking here. */
import type { AuditSink } from './audit.js';
import type { Duration } from './duration.js';

/** A file that JSON lines are appended to; of one process each. */
export interface AuditFile {
  readonly file: string;
}

/**
 * Options of `security.audit`.
 *
 * @example
 * const audit: AuditConfig = { sink: 'database', key: () => readFile('/run/secrets/audit-key'), checkpoints: { file: '/var/log/shop/audit.checkpoints' } };
 */
export interface AuditConfig {
  /** PostgreSQL, next to the tables of L3; a file; or a sink of your own. */
  readonly sink: 'database' | AuditFile | AuditSink;
  /** At least 32 bytes, kept outside the database; asked for at every start of a chain: at boot and once a day. */
  readonly key: () => AuditKey | Promise<AuditKey>;
  /**
   * While the sink fails or there is no room left, `'strict'` refuses mutations with `CACHE_ACCESS_DENIED` before anything is
   * changed, and `'best-effort'` counts what is lost. @defaultValue `'best-effort'`
   */
  readonly mode?: 'best-effort' | 'strict';
  /** Share of mutations that are kept, 0 … 1. @defaultValue 1 */
  readonly mutations?: number;
  /** Share of reads that are kept, 0 … 1. @defaultValue 0 */
  readonly reads?: number;
  /** How long the database keeps a chain after its end. @defaultValue `'90d'` */
  readonly retention?: Duration;
  /**
   * A second place for checkpoints, which whoever can write the sink should not be able to write: without it, cutting off the end of
   * a chain and its checkpoints looks like a process that was killed. @defaultValue the sink alone
   */
  readonly checkpoints?: AuditFile | AuditSink;
}

export type AuditKey = string | Uint8Array;

/** Checked audit options; times in ms. */
export interface AuditOptions {
  readonly sink: 'database' | AuditFile | AuditSink;
  readonly key: () => AuditKey | Promise<AuditKey>;
  readonly strict: boolean;
  readonly mutations: number;
  readonly reads: number;
  readonly retention: number;
  readonly checkpoints?: AuditFile | AuditSink | undefined;
}
