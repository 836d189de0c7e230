/** The audit log as its users see it: what happened, what is kept of it, and where that goes. No behaviour here. */
import type { TierName } from './tier.js';

/**
 * Kept always: everything but `mutation` and `read`, which are kept by their shares. `integrity`: bytes in a store were not what
 * this application wrote for that key. `tier-config`: a server refuses what the cache needs. `overflow`: so many events were
 * lost. `retention`: older chains than `reason` are about to be removed. `chain-open` and `chain-close` are the ends of a chain.
 */
export type AuditEventType =
  | 'mutation'
  | 'read'
  | 'clear'
  | 'denied'
  | 'context-missing'
  | 'scope-violation'
  | 'integrity'
  | 'key-rotation'
  | 'tenant-erasure'
  | 'tier-config'
  | 'overflow'
  | 'retention'
  | 'chain-open'
  | 'chain-close';

export type AuditOutcome = 'allow' | 'deny' | 'error';

/** A caller with a subject, a context without one, the library itself, or no context at all. */
export type AuditActor = 'user' | 'service' | 'system' | 'none';

/** What happened, as the cache tells it; names and subjects are hashed before they leave memory. */
export interface AuditEvent {
  readonly type: AuditEventType;
  /** @defaultValue `'allow'` */
  readonly outcome?: AuditOutcome;
  /** Why, in words of the program: never a key or a value. */
  readonly reason?: string | undefined;
  /** The verb. */
  readonly action?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly actor?: AuditActor;
  readonly cache?: string | undefined;
  /** The first keys it was about, as their addresses. */
  readonly keys?: readonly { readonly name: string }[];
  readonly tags?: readonly string[];
  readonly tier?: TierName | undefined;
  /** Keys or tags it was about. @defaultValue 1 */
  readonly count?: number;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

/** What is kept of an event: one link of the chain of its process. */
export interface AuditRecord {
  readonly v: 1;
  /** Wall time in ms since 1970. */
  readonly ts: number;
  /** From 1 on, without a gap. */
  readonly seq: number;
  readonly chainId: string;
  /** `hash` of the record before; empty for the first one. */
  readonly prevHash: string;
  /** HMAC-SHA-256 over all other members, base64url. */
  readonly hash: string;
  readonly eventType: AuditEventType;
  readonly outcome: AuditOutcome;
  readonly reason?: string;
  readonly tenantId?: string;
  /** 8 bytes of an HMAC, in hex. */
  readonly subjectHash?: string;
  readonly actorType: AuditActor;
  readonly action?: string;
  readonly namespace: string;
  readonly cache?: string;
  /** 8 bytes of an HMAC for each of the first keys, in hex, separated by commas. */
  readonly keyHmac?: string;
  /** The same of tags. */
  readonly tags?: string;
  readonly tier?: string;
  readonly count: number;
  readonly requestId?: string;
  readonly traceId?: string;
  readonly instanceId: string;
}

/** Says how far a chain had come; without it nobody would miss what is cut off its end. */
export interface AuditCheckpoint {
  readonly v: 1;
  readonly chainId: string;
  readonly namespace: string;
  readonly instanceId: string;
  /** `seq`, `hash` and `ts` of the last record that was written. */
  readonly seq: number;
  readonly head: string;
  readonly ts: number;
  /** Records of the chain. */
  readonly count: number;
  /** When it was made, in ms since 1970. */
  readonly at: number;
  /** The chain has its last record. */
  readonly closed: boolean;
  /** HMAC-SHA-256 over all other members, base64url. */
  readonly mac: string;
}

/** Members of a record, in the order in which they are authenticated and stored. */
export const AUDIT_FIELDS = [
  'v',
  'ts',
  'seq',
  'chainId',
  'prevHash',
  'hash',
  'eventType',
  'outcome',
  'reason',
  'tenantId',
  'subjectHash',
  'actorType',
  'action',
  'namespace',
  'cache',
  'keyHmac',
  'tags',
  'tier',
  'count',
  'requestId',
  'traceId',
  'instanceId',
] as const satisfies readonly (keyof AuditRecord)[];

/** The same for a checkpoint. */
export const CHECKPOINT_FIELDS = [
  'v',
  'chainId',
  'namespace',
  'instanceId',
  'seq',
  'head',
  'ts',
  'count',
  'at',
  'closed',
  'mac',
] as const satisfies readonly (keyof AuditCheckpoint)[];

/**
 * Where records go. Called by one at a time; a call that rejects is repeated with the same records until it succeeds.
 *
 * @example
 * class Console implements AuditSink {
 *   async write(records: readonly AuditRecord[]): Promise<void> {
 *     for (const record of records) console.log(JSON.stringify(record));
 *   }
 * }
 */
export interface AuditSink {
  /**
   * Adds records to the end; resolves when they are durable. A record that is there already, by `chainId` and `seq`, because a reply
   * was lost, is left as it is.
   */
  write(records: readonly AuditRecord[]): Promise<void>;
  /** Keeps how far a chain has come. */
  checkpoint?(checkpoint: AuditCheckpoint): Promise<void>;
  /** Removes chains that ended before this wall time, with their checkpoints; returns how many records. */
  prune?(before: number): Promise<number>;
  close?(): Promise<void>;
}

/** Counters of the audit log. */
export interface AuditStats {
  /** Events that were to be kept, after sampling. */
  readonly recorded: number;
  /** Records that the sink has taken, with those of the log itself. */
  readonly written: number;
  /** Events lost: there was no room for them, or no time at the end. */
  readonly dropped: number;
  /** Calls of a sink that failed. */
  readonly failed: number;
  /** What is recorded now will be written as far as is known. */
  readonly healthy: boolean;
}

/** The audit log as the cache sees it. */
export interface Audit {
  /** Mutations are to be denied: the mode is strict, and what is recorded now may be lost. */
  readonly refuses: boolean;
  /** Some reads are kept. */
  readonly hearsReads: boolean;
  /**
   * Contact with key and sink; waits a second at most.
   *
   * @throws CacheError `CACHE_CONFIG_INVALID` where the key is no key
   */
  open(): Promise<void>;
  /** Returns at once, whatever the sink does; never throws. */
  record(event: AuditEvent): void;
  /** Resolves when everything recorded before has been written. */
  flush(): Promise<void>;
  /** Writes what is left and the end of the chain; gives up after three seconds. */
  close(): Promise<void>;
  stats(): AuditStats;
}
