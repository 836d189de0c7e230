/** Checks audit records against the audit key: which chains are whole, which were tampered with, and which just end. */
import type { AuditCheckpoint, AuditRecord } from '../../core/audit.js';
import type { AuditKey } from '../../core/audit-options.js';
import { ChainCheck, type ChainFault } from './chain-check.js';
import { AuditSeal } from './seal.js';

/** A process makes a checkpoint every minute; after so long without a sign of life it is gone, ms. */
const ALIVE_MS = 180_000;
/** Between the end of a chain and the beginning of the next one. */
const BETWEEN_MS = 60_000;

/**
 * `closed`: whole, with its last record. `running`: whole so far. `unclean`: whole, and its process was killed: what it had in memory,
 * at most its ring and one batch, is lost. `broken`: see its faults.
 */
export type ChainState = 'closed' | 'running' | 'unclean' | 'broken';

export interface ChainReport {
  readonly chainId: string;
  readonly instanceId: string;
  readonly state: ChainState;
  readonly records: number;
  /** Events that its process had no room for; told by records of the chain. */
  readonly lost: number;
  /** Wall time of its last record. */
  readonly lastTs: number;
  readonly faults: readonly ChainFault[];
  /** None of its records was made with one of the keys. */
  readonly foreign: boolean;
}

export interface AuditReport {
  readonly chains: readonly ChainReport[];
  /** Checkpoints that were not made with one of the keys. */
  readonly forged: number;
  /** Lines that are no records: half ones, of processes that were killed, or tampered with; then their chain tells. */
  readonly unreadable: number;
}

/** What `verifyAudit` reads. An item that could not be read is `undefined`. */
export interface AuditSource {
  /** Those of all places together; read before the records, which may become more meanwhile. */
  readonly checkpoints: Items<AuditCheckpoint>;
  /** Those of one chain in the order of the sink. */
  readonly records: Items<AuditRecord>;
}

type Items<T> = AsyncIterable<T | undefined> | Iterable<T | undefined>;

export interface VerifyOptions {
  /** All keys that were in use. */
  readonly keys: readonly AuditKey[];
  /** Wall time. */
  readonly now: number;
  /** Wall time; chains that ended before may be missing. */
  readonly since?: number;
}

/**
 * Verifies audit records in one pass; memory does not grow with them.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` where a key is shorter than 32 bytes
 *
 * @example
 * const report = await verifyAudit({ records, checkpoints }, { keys: [key], now: Date.now() });
 * const broken = report.chains.filter(({ state }) => state === 'broken');
 */
export async function verifyAudit(
  source: AuditSource,
  { keys, now, since = 0 }: VerifyOptions,
): Promise<AuditReport> {
  const seals = keys.map((key) => new AuditSeal(key));
  const { forged, latest } = await readCheckpoints(source.checkpoints, seals);
  const checks = new Map<string, ChainCheck>();
  let unreadable = 0;
  // What was removed by the application itself ended before this.
  let gone = since;
  for await (const record of source.records) {
    if (!record) {
      unreadable++;
      continue;
    }
    const { chainId } = record;
    let check = checks.get(chainId);
    if (!check) checks.set(chainId, (check = new ChainCheck(chainId, seals, latest.get(chainId))));
    const believed = check.take(record);
    if (believed && record.eventType === 'retention')
      gone = Math.max(gone, Date.parse(record.reason ?? '') || 0);
  }
  const there = Array.from(checks.values(), (check) => reportOf(check, now));
  return { chains: [...there, ...missing(checks, latest, gone)], forged, unreadable };
}

async function readCheckpoints(
  checkpoints: Items<AuditCheckpoint>,
  seals: readonly AuditSeal[],
): Promise<{ forged: number; latest: ReadonlyMap<string, AuditCheckpoint> }> {
  const latest = new Map<string, AuditCheckpoint>();
  let forged = 0;
  for await (const checkpoint of checkpoints) {
    if (!checkpoint) continue;
    if (!seals.some((seal) => seal.made(checkpoint))) forged++;
    else if ((latest.get(checkpoint.chainId)?.at ?? -1) <= checkpoint.at)
      latest.set(checkpoint.chainId, checkpoint);
  }
  return { forged, latest };
}

function reportOf(check: ChainCheck, now: number): ChainReport {
  const faults = check.end();
  const { chainId, checkpoint, closed, fits, instanceId, lastTs, lost, records } = check;
  const alive = now - Math.max(lastTs, checkpoint?.at ?? 0) < ALIVE_MS;
  const whole = closed ? 'closed' : alive ? 'running' : 'unclean';
  const state = faults.length > 0 ? 'broken' : whole;
  return { chainId, instanceId, state, records, lost, lastTs, faults, foreign: !fits };
}

/** Chains that a checkpoint or their successor knows, and of which nothing is left. */
function missing(
  checks: ReadonlyMap<string, ChainCheck>,
  latest: ReadonlyMap<string, AuditCheckpoint>,
  gone: number,
): ChainReport[] {
  const lost = new Map<string, Pick<ChainReport, 'chainId' | 'instanceId' | 'lastTs'>>();
  for (const { chainId, instanceId, ts } of latest.values())
    if (!checks.has(chainId) && ts >= gone) lost.set(chainId, { chainId, instanceId, lastTs: ts });
  for (const { previous, openedAt, instanceId } of checks.values()) {
    if (previous === undefined || checks.has(previous) || openedAt - BETWEEN_MS < gone) continue;
    lost.set(previous, { chainId: previous, instanceId, lastTs: openedAt });
  }
  const faults = [{ seq: 1, kind: 'truncation' }] as const;
  const rest = { state: 'broken', records: 0, lost: 0, faults, foreign: false } as const;
  return Array.from(lost.values(), (chain) => ({ ...chain, ...rest }));
}
