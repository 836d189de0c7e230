/** Makes the audit log that the options ask for. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Audit, AuditSink } from '../core/audit.js';
import type { AuditFile } from '../core/audit-options.js';
import type { Clock } from '../core/clock.js';
import type { RefusedMessage } from '../core/message-seal.js';
import type { ResolvedOptions } from '../core/options.js';
import type { TierName } from '../core/tier.js';
import { AuditLog } from '../security/audit/audit-log.js';
import { CheckpointFile, JsonLinesSink } from '../security/audit/json-lines.js';
import { DatabaseAuditSink } from '../tiers/database/audit-sink.js';

/** `null` = nothing is audited. */
export function makeAudit(
  { l3, namespace, security }: ResolvedOptions,
  clock: Clock,
): Audit | null {
  const options = security?.audit;
  if (!options) return null;
  const { checkpoints, sink } = options;
  const database = (): AuditSink => new DatabaseAuditSink(l3 || missingL3(), clock);
  return new AuditLog(options, {
    sink: sink === 'database' ? database() : place(sink, (file) => new JsonLinesSink(file)),
    second: checkpoints && place(checkpoints, (file) => new CheckpointFile(file)),
    origin: { namespace, instanceId: instanceId() },
    clock,
  });
}

/** Puts on record what a tier was told or is owed, and nobody of this application has sealed. */
export function refusalsOf(tier: TierName, audit: Audit | null): (what: RefusedMessage) => void {
  return (what) =>
    audit?.record({
      type: 'integrity',
      outcome: 'error',
      actor: 'none',
      action: 'read',
      reason: `${what} not ours`,
      tier,
    });
}

function place(given: AuditFile | AuditSink, ofFile: (file: string) => AuditSink): AuditSink {
  return 'file' in given ? ofFile(given.file) : given;
}

/** In a container every process has the number 1, and a host may be named like another. */
function instanceId(): string {
  return `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
}

function missingL3(): never {
  throw new Error('the options have been checked without l3');
}
