/** Chains and logs for tests of the audit log: an inner sink that can be held, made to fail, and looked into. */
import type { AuditCheckpoint, AuditEvent, AuditRecord, AuditSink } from '../../src/core/audit.js';
import { Chain } from '../../src/security/audit/chain.js';
import { AuditSeal } from '../../src/security/audit/seal.js';
import { verifyAudit, type AuditReport } from '../../src/security/audit/verify.js';

export const KEY = Buffer.alloc(32, 7);
export const ORIGIN = { namespace: 'shop', instanceId: 'host:1' };
/** Wall time of tests. */
export const NOW = 1_790_000_000_000;

export interface Written {
  readonly records: AuditRecord[];
  readonly checkpoints: AuditCheckpoint[];
}

/** A chain of so many records, with its end unless it is left out, and a checkpoint at its end. */
export function chainOf(events: number, { closed = true } = {}): Written {
  const chain = new Chain(new AuditSeal(KEY), ORIGIN, NOW);
  const records = [chain.add({ type: 'chain-open' }, NOW)];
  for (let at = 1; at < events - (closed ? 1 : 0); at++)
    records.push(chain.add(eventOf(at), NOW + at));
  if (closed) records.push(chain.add({ type: 'chain-close', count: events }, NOW + events));
  return { records, checkpoints: [chain.checkpoint(NOW + events, closed)] };
}

export function eventOf(at: number): AuditEvent {
  return {
    type: 'mutation',
    action: 'set',
    tenantId: `tenant-${at % 3}`,
    subjectId: 'alice',
    actor: 'user',
    keys: [{ name: `user:${at}` }],
    requestId: `request-${at}`,
  };
}

export function verified(
  { records, checkpoints }: Written,
  { now = NOW, keys = [KEY] as readonly Uint8Array[] } = {},
): Promise<AuditReport> {
  return verifyAudit({ records, checkpoints }, { keys, now });
}

/** Keeps what it is given; holds or fails what it is told to. */
export class MemorySink implements AuditSink {
  readonly records: AuditRecord[] = [];
  readonly checkpoints: AuditCheckpoint[] = [];
  readonly pruned: number[] = [];
  calls = 0;
  failing = false;
  closed = false;
  #held: Promise<void> | undefined;
  release: () => void = () => undefined;

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.release = () => {
        this.#held = undefined;
        resolve();
      };
    });
  }

  async write(records: readonly AuditRecord[]): Promise<void> {
    this.calls++;
    await this.#held;
    if (this.failing) throw new Error('the disk is full');
    this.records.push(...records);
  }

  async checkpoint(checkpoint: AuditCheckpoint): Promise<void> {
    if (this.failing) throw new Error('the disk is full');
    this.checkpoints.push(checkpoint);
  }

  async prune(before: number): Promise<number> {
    this.pruned.push(before);
    return 0;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  ofType(type: AuditRecord['eventType']): AuditRecord[] {
    return this.records.filter(({ eventType }) => eventType === type);
  }
}
