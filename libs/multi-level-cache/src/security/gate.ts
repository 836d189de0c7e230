/** Asks the policy before a call does anything, and keeps count of those that were refused. */
import { CacheError, isCacheError, type CacheErrorCode } from '../core/errors.js';
import type { CacheEvents } from '../core/events.js';
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
  /** All of them, by what was tried. */
  readonly byAction: Readonly<Record<CacheAction, number>>;
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
  /** The same, without a word of who and what. */
  onDenied: ((denied: CacheEvents['denied']) => void) | undefined;
  readonly #counts = { denied: 0, contextMissing: 0, scopeViolations: 0 };
  readonly #byAction: Record<CacheAction, number> = {
    read: 0,
    write: 0,
    invalidate: 0,
    clear: 0,
    admin: 0,
  };

  constructor(
    readonly context: ContextStore,
    readonly policy: CachePolicy | undefined,
  ) {}

  /** @throws CacheError `CACHE_ACCESS_DENIED` */
  assert(
    context: SecurityContext | undefined,
    action: CacheAction,
    cache: string,
    key: string | undefined,
  ): void {
    if (this.may(context, action, cache, key)) return;
    throw new CacheError(
      'CACHE_ACCESS_DENIED',
      `the policy does not let this caller ${action} in the cache ${cache}`,
    );
  }

  /** Whether the policy allows it; where nothing was tried, a no is no refusal. */
  may(
    context: SecurityContext | undefined,
    action: CacheAction,
    cache: string,
    key?: string,
  ): boolean {
    return !this.policy || allows(this.policy, context ?? NO_CONTEXT, action, cache, key);
  }

  /** Counts what was refused; any other error is nothing of it. */
  refused(error: unknown, refusal: Pick<Refusal, 'action' | 'cache' | 'key'>): void {
    if (!isCacheError(error) || !(error.code in COUNTED)) return;
    this.#counts[COUNTED[error.code as keyof typeof COUNTED]]++;
    this.#byAction[refusal.action]++;
    const context = this.context.entered?.context;
    const { action, cache } = refusal;
    this.onRefusal?.({ code: error.code, context, ...refusal });
    this.onDenied?.({ code: error.code, action, cache });
  }

  stats(): SecurityStats {
    return { ...this.#counts, byAction: { ...this.#byAction } };
  }
}

function allows(
  policy: CachePolicy,
  context: SecurityContext,
  action: CacheAction,
  cache: string,
  key: string | undefined,
): boolean {
  try {
    const may: unknown = policy.can(context, action, cache, key);
    // A promise is no yes.
    return may === true;
  } catch {
    // Whoever cannot decide lets nobody in.
    return false;
  }
}
