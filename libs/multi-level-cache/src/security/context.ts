/** Who a call is made for: the tenant becomes part of every key. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { CacheError } from '../core/errors.js';
import { tenantName, textFault } from '../core/key.js';

/** The identity a piece of work runs for. */
export interface SecurityContext {
  readonly tenantId?: string;
  readonly subjectId?: string;
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
  readonly requestId?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** Carries the context through async work. */
export class ContextStore {
  readonly #storage = new AsyncLocalStorage<{
    readonly context: SecurityContext;
    readonly tenant: string;
  }>();
  // An application that never names a tenant does not pay for looking one up.
  #used = false;

  /** Runs `work` for `context`; what it starts runs for it too. */
  run<T>(context: SecurityContext, work: () => T): T {
    const fault = context.tenantId === undefined ? undefined : textFault(context.tenantId);
    if (fault) throw new CacheError('CACHE_CONTEXT_MISSING', `the tenantId ${fault}`);
    this.#used = true;
    return this.#storage.run(
      { context: Object.freeze({ ...context }), tenant: tenantName(context.tenantId) },
      work,
    );
  }

  /** Runs `work` for a tenant by its name, `p` (public) or `t:` + id, whoever is calling. */
  as<T>(tenant: string, work: () => T): T {
    if (tenant !== 'p') return this.run({ tenantId: tenant.slice(2) }, work);
    return this.#used ? this.run({}, work) : work();
  }

  /** `p` (public) or `t:` + tenant id. */
  get tenant(): string {
    return this.#used ? (this.#storage.getStore()?.tenant ?? 'p') : 'p';
  }
}
