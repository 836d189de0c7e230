/** Asks the policy before a call does anything, and keeps count of those that were refused. */
import { CacheError, isCacheError, type CacheErrorCode } from '../core/errors.js';
import type { CacheAction, CachePolicy, SecurityContext } from '../core/security.js';
import type { ContextStore } from './context.js';

/** A call that was refused, or a value that was not kept. */
export interface Refusal {
  readonly code: CacheErrorCode;
  readonly action: CacheAction;
  readonly cache: string;
  readonly key: string | undefined;
  readonly context: SecurityContext | undefined;
}

/** Calls refused and values not kept since the start. */
export interface SecurityStats {
  readonly denied: number;
  readonly contextMissing: number;
  readonly scopeViolations: number;
}

const COUNTED = {
  CACHE_ACCESS_DENIED: 'denied',
  CACHE_CONTEXT_MISSING: 'contextMissing',
  CACHE_SCOPE_VIOLATION: 'scopeViolations',
} as const;

const NO_CONTEXT: SecurityContext = Object.freeze({});

export class Gate {
  /** Told of each refusal, once. */
  onRefusal: ((refusal: Refusal) => void) | undefined;
  readonly #counts = { denied: 0, contextMissing: 0, scopeViolations: 0 };

  constructor(
    readonly context: ContextStore,
    readonly policy: CachePolicy | undefined,
  ) {}

  /** @throws CacheError `CACHE_ACCESS_DENIED` */
  assert(action: CacheAction, cache: string, key: string | undefined): void {
    if (!this.policy || this.#allows(this.policy, action, cache, key)) return;
    throw new CacheError(
      'CACHE_ACCESS_DENIED',
      `the policy does not let this caller ${action} in the cache ${cache}`,
    );
  }

  /** Counts what was refused; any other error is nothing of it. */
  refused(error: unknown, refusal: Pick<Refusal, 'action' | 'cache' | 'key'>): void {
    if (!isCacheError(error) || !(error.code in COUNTED)) return;
    this.#counts[COUNTED[error.code as keyof typeof COUNTED]]++;
    const context = this.context.entered?.context;
    this.onRefusal?.({ code: error.code, context, ...refusal });
  }

  stats(): SecurityStats {
    return { ...this.#counts };
  }

  #allows(
    policy: CachePolicy,
    action: CacheAction,
    cache: string,
    key: string | undefined,
  ): boolean {
    try {
      const { context = NO_CONTEXT } = this.context.entered ?? {};
      const may: unknown = policy.can(context, action, cache, key);
      // A promise is no yes.
      return may === true;
    } catch {
      // Whoever cannot decide lets nobody in.
      return false;
    }
  }
}
