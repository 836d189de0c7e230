/** What the paths of one application tell its audit log: who did what to which keys, and how it ended. */
import type { Audit, AuditActor, AuditEvent, AuditEventType } from '../core/audit.js';
import type { Clock } from '../core/clock.js';
import { CacheError, isCacheError } from '../core/errors.js';
import type { EventHub } from '../core/events.js';
import { Address, GROUP_MARK, Scope, tenantName } from '../core/key.js';
import type { SecurityContext } from '../core/security.js';
import type { Change, TierName } from '../core/tier.js';
import type { ContextStore } from '../security/context.js';
import type { Gate, Refusal } from '../security/gate.js';
import { isSystem } from '../security/system.js';

/** Of a call with more keys or tags the first ones are named. */
const NAMED = 64;
/** The tiers have been closed: what still runs ends in a moment. */
const ENDING_MS = 500;
const REFUSED: Readonly<Record<string, AuditEventType>> = {
  CACHE_ACCESS_DENIED: 'denied',
  CACHE_CONTEXT_MISSING: 'context-missing',
  CACHE_SCOPE_VIOLATION: 'scope-violation',
};

/** A change, or what `mutate` is about to change. */
export type Mutation =
  | Change
  | {
      readonly kind: 'mutate';
      readonly addresses: readonly Address[];
      readonly tags: readonly string[];
    };

type About = Pick<AuditEvent, 'type' | 'action' | 'cache' | 'keys' | 'tags' | 'count'>;

export class AuditTrail {
  /** Changes that have not ended. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(
    readonly log: Audit,
    readonly context: ContextStore,
    readonly namespace: string,
  ) {}

  /**
   * Runs a change and records it.
   *
   * @throws CacheError `CACHE_ACCESS_DENIED` before anything is changed, where the log must be complete and cannot be
   */
  async changed<R>(mutation: Mutation, work: () => R): Promise<Awaited<R>> {
    const about = aboutOf(mutation);
    if (this.log.refuses) {
      this.#record({ ...about, type: 'denied', outcome: 'deny', reason: 'audit log not writable' });
      throw new CacheError(
        'CACHE_ACCESS_DENIED',
        'the audit log cannot be written at the moment, and security.audit.mode is strict',
      );
    }
    const running = this.#recorded(about, work);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Nothing begins any more: the log ends when what is under way has been recorded. */
  async close(clock: Clock): Promise<void> {
    const late = new Promise<void>((resolve) => clock.after(ENDING_MS, resolve));
    await Promise.race([Promise.allSettled(this.#running), late]);
    await this.log.close();
  }

  /** A call that was refused, or a value that was not kept. */
  #refused({ action, cache, code, context, key }: Refusal): void {
    const type = REFUSED[code];
    if (type === undefined) return;
    const keys = this.#keys(cache, context?.tenantId, key);
    this.#record({ type, outcome: 'deny', reason: code, action, cache, ...keys }, context);
  }

  /** Bytes in a store are not what this application wrote for that key. */
  corrupt(tier: TierName, address: Address): void {
    const { cache, tenant } = address.scope;
    const about = { action: 'read', cache, keys: [address], tier, reason: 'envelope not ours' };
    const tenantId = tenant === tenantName(undefined) ? undefined : tenant.slice(2);
    this.#record({ type: 'integrity', outcome: 'error', ...about, tenantId });
  }

  /** A server refuses what the cache needs. */
  misconfigured(tier: TierName, reason: string | undefined): void {
    this.#record({ type: 'tier-config', outcome: 'error', tier, reason });
  }

  /** Keys of a tenant, or of all, were changed. */
  keys(type: 'key-rotation' | 'tenant-erasure', tenant: string | undefined, failed: boolean): void {
    const tenantId = tenant?.startsWith('t:') ? tenant.slice(2) : undefined;
    this.#record({ type, action: type, tenantId, outcome: failed ? 'error' : 'allow' });
  }

  /** Hears of refusals, and of reads unless none of them is kept: then nobody builds what nobody hears. */
  listenTo(events: EventHub, gate: Gate): void {
    gate.onRefusal = (refusal) => this.#refused(refusal);
    if (!this.log.hearsReads) return;
    const read = (cache: string, key: string, reason: string, tier?: TierName): void => {
      const { context } = this.context.entered ?? {};
      const keys = this.#keys(cache, context?.tenantId, key);
      this.#record({ type: 'read', action: 'read', cache, reason, tier, ...keys }, context);
    };
    events.on('hit', ({ cache, key, tier }) => read(cache, key, 'hit', tier));
    events.on('stale', ({ cache, key }) => read(cache, key, 'stale'));
    events.on('miss', ({ cache, key }) => read(cache, key, 'miss'));
  }

  async #recorded<R>(about: About, work: () => R): Promise<Awaited<R>> {
    try {
      const result = await work();
      this.#record(about);
      return result;
    } catch (error) {
      // It may have been done in part.
      this.#record({ ...about, outcome: 'error', reason: nameOf(error) });
      throw error;
    }
  }

  #record(event: AuditEvent, context = this.context.entered?.context): void {
    this.log.record({ ...callerOf(context), ...event });
  }

  /** Spelled only if the event is kept. */
  #keys(cache: string, tenantId: string | undefined, key: string | undefined): Partial<AuditEvent> {
    if (typeof key !== 'string') return {};
    const { namespace } = this;
    const named = {
      get name(): string {
        return new Address(new Scope(namespace, tenantName(tenantId), cache), key).name;
      },
    };
    return { keys: [named] };
  }
}

function callerOf(context: SecurityContext | undefined): Partial<AuditEvent> {
  if (!context) return { actor: 'none' };
  const { attributes, requestId, subjectId, tenantId } = context;
  const traceId = attributes?.['traceId'];
  return {
    actor: actorOf(context),
    tenantId,
    subjectId,
    requestId,
    traceId: typeof traceId === 'string' ? traceId : undefined,
  };
}

function actorOf(context: SecurityContext): AuditActor {
  if (isSystem(context)) return 'system';
  return context.subjectId === undefined ? 'service' : 'user';
}

function aboutOf(mutation: Mutation): About {
  const { kind } = mutation;
  const keys = 'addresses' in mutation ? mutation.addresses : [];
  const tags = 'tags' in mutation ? mutation.tags : [];
  const about = {
    cache: keys[0]?.scope.cache,
    keys: keys.slice(0, NAMED),
    tags: tags.slice(0, NAMED),
    count: keys.length + tags.length,
  };
  return kind === 'tags'
    ? { ...about, ...verbOf(tags[0]) }
    : { ...about, type: 'mutation', action: kind };
}

/** Clearing a cache and removing a group of keys are bumps of tags that no application can name. */
function verbOf(tag = ''): Pick<About, 'type' | 'action' | 'cache'> {
  // Behind the mark of a user's own.
  const [, , implicit = tag] = tag.split('\u0004');
  if (implicit.startsWith('\u0001'))
    return { type: 'clear', action: 'clear', cache: implicit.slice(1) };
  if (!implicit.startsWith(GROUP_MARK)) return { type: 'mutation', action: 'invalidateTags' };
  const [, cache] = implicit.split(GROUP_MARK);
  return { type: 'mutation', action: 'invalidatePattern', cache };
}

/** A code or the name of a class: messages may hold anything. */
function nameOf(error: unknown): string {
  if (isCacheError(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
