/** The policy that goes by the permissions of the caller. */
import type { CacheAction, CachePolicy, SecurityContext } from '../core/security.js';
import { isSystem } from './system.js';

/**
 * Lets a caller do what its `permissions` name: `cache:<action>:<cache>`, where the cache may end in `*`, as in
 * `cache:read:*` or `cache:invalidate:orders-*`. Who has none may do nothing; the library's own work, such as warming, may.
 *
 * Two looks into a map for each call: what the permissions of a context say of a cache is spelled out once.
 *
 * @example
 * const options: CacheModuleOptions = {
 *   namespace: 'shop',
 *   security: { tenancy: 'required', policy: new PermissionPolicy() },
 * };
 */
export class PermissionPolicy implements CachePolicy {
  readonly #granted = new WeakMap<SecurityContext, Granted>();
  /** The last answer: whoever called, mostly does the same again. */
  #last = NOTHING;

  can(context: SecurityContext, action: CacheAction, cache: string): boolean {
    const last = this.#last;
    if (last.context === context && last.action === action && last.cache === cache) return last.may;
    const may = this.#may(context, action, cache);
    this.#last = { context, action, cache, may };
    return may;
  }

  #may(context: SecurityContext, action: CacheAction, cache: string): boolean {
    if (isSystem(context)) return true;
    let granted = this.#granted.get(context);
    if (!granted) this.#granted.set(context, (granted = new Granted(context.permissions ?? [])));
    return granted.has(action, cache);
  }
}

/** One answer. */
interface Answered {
  readonly context: SecurityContext | undefined;
  readonly action: CacheAction;
  readonly cache: string;
  readonly may: boolean;
}

const NOTHING: Answered = { context: undefined, action: 'read', cache: '', may: false };

/** What one context's permissions say; of a cache it is spelled out once. */
class Granted {
  readonly #mine: readonly string[];
  readonly #byCache = new Map<string, ReadonlySet<CacheAction>>();

  constructor(permissions: readonly string[]) {
    this.#mine = permissions.filter((permission) => permission.startsWith(PREFIX));
  }

  has(action: CacheAction, cache: string): boolean {
    let actions = this.#byCache.get(cache);
    if (!actions) this.#byCache.set(cache, (actions = this.#actionsOn(cache)));
    return actions.has(action);
  }

  #actionsOn(cache: string): ReadonlySet<CacheAction> {
    return new Set(ACTIONS.filter((action) => this.#names(`${PREFIX}${action}:${cache}`)));
  }

  #names(wanted: string): boolean {
    return this.#mine.some((one) =>
      one.endsWith('*') ? wanted.startsWith(one.slice(0, -1)) : one === wanted,
    );
  }
}

const PREFIX = 'cache:';
const ACTIONS: readonly CacheAction[] = ['read', 'write', 'invalidate', 'clear', 'admin'];
