/** The chain of one process: each record holds the hash of the one before, so none can be changed, moved or missing unseen. */
import { randomUUID } from 'node:crypto';
import type { AuditCheckpoint, AuditEvent, AuditRecord } from '../../core/audit.js';
import type { AuditSeal } from './seal.js';

/** Of a call with many keys or tags only the first ones are named; `count` says how many they were. */
export const NAMED = 64;
const TEXT_LENGTH = 128;
const UNPRINTABLE = /[\p{Control}\u2028\u2029]|\p{Surrogate}/gu;

/** Who writes. */
export interface Origin {
  readonly namespace: string;
  readonly instanceId: string;
}

export class Chain {
  readonly id = randomUUID();
  #seq = 0;
  #head = '';
  #ts = 0;

  constructor(
    readonly seal: AuditSeal,
    readonly origin: Origin,
    /** Wall time. */
    readonly openedAt: number,
  ) {}

  get seq(): number {
    return this.#seq;
  }

  /** The next record. */
  add(event: AuditEvent, ts: number): AuditRecord {
    const { namespace, instanceId } = this.origin;
    const unsealed = {
      v: 1 as const,
      ts: Math.round(ts),
      seq: this.#seq + 1,
      chainId: this.id,
      prevHash: this.#head,
      ...aboutOf(event, this.seal),
      namespace,
      instanceId,
    };
    const hash = this.seal.hash(unsealed);
    this.#seq = unsealed.seq;
    this.#head = hash;
    this.#ts = unsealed.ts;
    return { ...unsealed, hash };
  }

  /** How far it has come; only for records that have been written. */
  checkpoint(at: number, closed: boolean): AuditCheckpoint {
    const unmarked = {
      v: 1 as const,
      chainId: this.id,
      ...this.origin,
      seq: this.#seq,
      head: this.#head,
      ts: this.#ts,
      count: this.#seq,
      at: Math.round(at),
      closed,
    };
    return { ...unmarked, mac: this.seal.mac(unmarked) };
  }
}

type About = Omit<
  AuditRecord,
  'v' | 'ts' | 'seq' | 'chainId' | 'prevHash' | 'hash' | 'namespace' | 'instanceId'
>;

/** No key, tag or subject leaves this as it was. */
function aboutOf(event: AuditEvent, seal: AuditSeal): About {
  const { tenantId = '', subjectId, keys = [], tags = [] } = event;
  const names = keys.slice(0, NAMED).map(({ name }) => seal.name('key', name));
  const labels = tags.slice(0, NAMED).map((tag) => seal.name('tag', `${tenantId}\u0000${tag}`));
  const subject = subjectId && seal.name('subject', `${tenantId}\u0000${subjectId}`);
  return {
    eventType: event.type,
    outcome: event.outcome ?? 'allow',
    ...given('reason', event.reason),
    // Checked where the context came in, and an identity: never cut.
    ...given('tenantId', event.tenantId, Infinity),
    ...given('subjectHash', subject),
    actorType: event.actor ?? 'none',
    ...given('action', event.action),
    ...given('cache', event.cache),
    ...(names.length > 0 ? { keyHmac: names.join(',') } : {}),
    ...(labels.length > 0 ? { tags: labels.join(',') } : {}),
    ...given('tier', event.tier),
    count: event.count ?? 1,
    ...given('requestId', event.requestId),
    ...given('traceId', event.traceId),
  };
}

/** Text from outside fits into one line, whatever shows it. */
function given<N extends string>(
  name: N,
  text: string | undefined,
  length = TEXT_LENGTH,
): Partial<Record<N, string>> {
  if (text === undefined || text === '') return {};
  const line = text.slice(0, length).replace(UNPRINTABLE, '\ufffd');
  return { [name]: line } as Partial<Record<N, string>>;
}
