/** Who a call is made for: carried through async work, checked once where it is entered. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { CacheError } from '../core/errors.js';
import { tenantName, textFault } from '../core/key.js';
import type { EntryScope, SecurityContext } from '../core/security.js';
import type { Tenancy } from '../core/security-options.js';
import { watched, type Reads } from './identity-reads.js';
import { systemContext } from './system.js';

/** A context that was entered. */
export interface Entered {
  readonly context: SecurityContext;
  /** `p` (public) or `t:` + tenant id. */
  readonly tenant: string;
  /** Where its last call was at home: most calls of a request are to one cache. For `manager/home.ts` alone. */
  last?: { readonly homes: object; readonly home: object } | undefined;
}

export interface ContextStoreOptions {
  readonly tenancy: Tenancy;
  /** Asked where nothing was entered here. */
  readonly source?: (() => SecurityContext | undefined) | undefined;
}

const PUBLIC = tenantName(undefined);

/** Carries the context through async work. */
export class ContextStore {
  readonly #storage = new AsyncLocalStorage<Entered>();
  readonly #loads = new AsyncLocalStorage<Reads>();
  readonly #source: (() => SecurityContext | undefined) | undefined;
  /** The library itself, for no tenant. */
  readonly #itself: Entered = { context: systemContext(), tenant: PUBLIC };
  /** What the source gave, where it can change no more. */
  readonly #known = new WeakMap<SecurityContext, Entered>();
  readonly tenancy: Tenancy;
  // An application that never names anybody does not pay for looking one up.
  #used: boolean;
  /** Loaders that are watched now. */
  #running = 0;

  constructor({ source, tenancy }: ContextStoreOptions = { tenancy: 'off' }) {
    this.tenancy = tenancy;
    this.#source = source;
    this.#used = source !== undefined || tenancy === 'required';
  }

  /** Runs `work` for `context`; what it starts runs for it too. */
  run<T>(context: SecurityContext, work: () => T): T {
    this.#used = true;
    return this.#storage.run(entered(context), work);
  }

  /** `run` later: the context is checked now. */
  bound(context: SecurityContext, work: () => void): () => void {
    const checked = entered(context);
    this.#used = true;
    return () => this.#storage.run(checked, work);
  }

  /** Runs the library's own `work` for a tenant by its name, `p` (public) or `t:` + id, whoever is calling. */
  as<T>(tenant: string, work: () => T): T {
    if (tenant === PUBLIC) return this.#used ? this.#storage.run(this.#itself, work) : work();
    this.#used = true;
    return this.#storage.run({ context: systemContext(tenant.slice(2)), tenant }, work);
  }

  /** Whom the call is made for; `undefined` = nobody was named. */
  get entered(): Entered | undefined {
    if (!this.#used) return undefined;
    return this.#storage.getStore() ?? (this.#source ? this.#given(this.#source()) : undefined);
  }

  /** For the application; a loader that looks at it is known to have done so. */
  current(): SecurityContext | undefined {
    const context = this.entered?.context;
    const reads = context && this.#loads.getStore();
    return reads ? watched(context, reads) : context;
  }

  /** Runs a loader, and writes down what it reads of the context. */
  async reading<T>(reads: Reads, loader: () => T | Promise<T>): Promise<T> {
    // A loader within a loader: what the inner one has read is in the outer one's value.
    reads.outer = this.#loads.getStore();
    this.#running++;
    try {
      return await this.#loads.run(reads, loader);
    } finally {
      this.#running--;
    }
  }

  /** An entry that is narrower than public was asked for: by a loader, that is a look at whose it is. */
  asked(scope: EntryScope): void {
    if (this.#running === 0) return;
    const reads = this.#loads.getStore();
    if (scope !== 'public') reads?.add('tenantId');
    if (scope === 'user') reads?.add('subjectId');
  }

  #given(context: SecurityContext | undefined): Entered | undefined {
    if (context === undefined || context === null) return undefined;
    const known = this.#known.get(context);
    if (known) return known;
    const made = entered(context);
    // What can still be changed is looked at anew each time.
    if (Object.isFrozen(context)) this.#known.set(context, made);
    return made;
  }
}

/** @throws CacheError `CACHE_CONTEXT_MISSING` where the context is none */
function entered(given: SecurityContext): Entered {
  if (typeof given !== 'object' || given === null) throw missing('must be an object');
  const { attributes, permissions, requestId, roles, subjectId, tenantId } = given;
  for (const [name, id] of Object.entries({ tenantId, subjectId, requestId })) {
    const fault = id === undefined ? undefined : textFault(id);
    if (fault) throw missing(`has a ${name} that ${fault}`);
  }
  const context: SecurityContext = Object.freeze({
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(subjectId === undefined ? {} : { subjectId }),
    ...(roles === undefined ? {} : { roles: texts('roles', roles) }),
    ...(permissions === undefined ? {} : { permissions: texts('permissions', permissions) }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(attributes === undefined ? {} : { attributes: Object.freeze({ ...attributes }) }),
  });
  return { context, tenant: tenantName(tenantId) };
}

function texts(name: string, list: unknown): readonly string[] {
  if (!Array.isArray(list) || list.some((one) => typeof one !== 'string'))
    throw missing(`has ${name} that are no list of texts`);
  return Object.freeze([...(list as string[])]);
}

/** The error for a call that is made for nobody, or for somebody who is no one. */
export function missing(what: string): CacheError {
  return new CacheError('CACHE_CONTEXT_MISSING', `the security context ${what}`);
}
