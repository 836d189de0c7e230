/** What the page can do to the cache: each within the caller's own context, each answered with what it changed. */
import { BadRequestException, Inject, Injectable } from '@nestjs/common';
import {
  CACHE_AUDIT,
  CACHE_SECURITY_CONTEXT,
  CacheInspector,
  CacheManager,
  type Audit,
  type AuditEvent,
  type CurrentContext,
  type Receipt,
  type TierName,
  type WarmReport,
} from 'nestjs-multi-level-cache';
import { cacheOf, textOf, tierOf, type Given } from './requests.js';

export type ActionName = 'delete' | 'expire' | 'invalidate' | 'warm' | 'probe';

/** What an action has come to. */
export interface Done {
  readonly receipt?: Receipt;
  readonly warmed?: Omit<WarmReport, 'entries'>;
  /** State of the tier before and after. */
  readonly probed?: { readonly tier: TierName; readonly before: string; readonly after: string };
}

@Injectable()
export class Actions {
  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(CacheInspector) private readonly inspector: CacheInspector,
    @Inject(CACHE_AUDIT) private readonly audit: Audit | null,
    @Inject(CACHE_SECURITY_CONTEXT) private readonly context: CurrentContext,
  ) {}

  /** The cache records what it changes; what it does not record, for it changes no entry a caller asked for, is recorded here. */
  readonly all: Readonly<Record<ActionName, (asked: Given) => Promise<Done>>> = {
    delete: async (asked) => ({ receipt: await this.#of(asked).delete(textOf(asked, 'key')) }),
    expire: async (asked) => ({ receipt: await this.#of(asked).expire(textOf(asked, 'key')) }),
    invalidate: async (asked) => ({
      receipt: await this.#of(asked).invalidateTags([textOf(asked, 'tag')]),
    }),
    warm: (asked) => this.#warm(asked),
    probe: (asked) => this.#probe(asked),
  };

  #of(asked: Given): CacheManager {
    return cacheOf(asked, this.cache, this.inspector);
  }

  async #warm(asked: Given): Promise<Done> {
    const cache = this.#of(asked);
    const what =
      asked['key'] === undefined
        ? { patterns: [textOf(asked, 'pattern')] }
        : { keys: [textOf(asked, 'key')] };
    const about = { action: 'warm', cache: cache.name };
    const { alreadyFresh, failed, loaded, overBudget, planned } = await this.#recorded(about, () =>
      cache.warm(what),
    );
    return { warmed: { planned, loaded, alreadyFresh, failed, overBudget } };
  }

  async #probe(asked: Given): Promise<Done> {
    const tier = tierOf(asked);
    const state = (): string => this.cache.stats().tiers[tier].state;
    const before = state();
    if (before === 'off') throw new BadRequestException(`${tier} is off.`);
    await this.#recorded({ action: 'probe', tier }, () => this.inspector.probe(tier));
    return { probed: { tier, before, after: state() } };
  }

  async #recorded<T>(about: Partial<AuditEvent>, work: () => Promise<T>): Promise<T> {
    const { requestId, subjectId, tenantId } = this.context.current() ?? {};
    const actor = subjectId === undefined ? 'service' : 'user';
    const event = { type: 'mutation', ...about, requestId, subjectId, tenantId, actor } as const;
    try {
      const result = await work();
      this.audit?.record(event);
      return result;
    } catch (error) {
      this.audit?.record({ ...event, outcome: 'error', reason: nameOf(error) });
      throw error;
    }
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
