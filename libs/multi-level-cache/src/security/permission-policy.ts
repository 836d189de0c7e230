/** The policy that goes by the permissions of the caller. */
import type { CacheAction, CachePolicy, SecurityContext } from '../core/security.js';
import { isSystem } from './system.js';

/**
 * Lets a caller do what its `permissions` name: `cache:<action>:<cache>`, where the cache may end in `*`, as in
 * `cache:read:*` or `cache:invalidate:orders-*`. Who has none may do nothing; the library's own work, such as warming, may.
 *
 * One look into a set for each call: of a context it is read once what its permissions say.
 *
 * @example
 * const options: CacheModuleOptions = {
 *   namespace: 'shop',
 *   security: { tenancy: 'required', policy: new PermissionPolicy() },
 * };
 */
export class PermissionPolicy implements CachePolicy {
  readonly #granted = new WeakMap<SecurityContext, Granted>();

  can(context: SecurityContext, action: CacheAction, cache: string): boolean {
    if (isSystem(context)) return true;
    let granted = this.#granted.get(context);
    if (!granted) this.#granted.set(context, (granted = new Granted(context.permissions ?? [])));
    return granted.has(action, cache);
  }
}

/** What one context's permissions say. */
class Granted {
  readonly #exact = new Set<string>();
  /** Beginnings of names, by action. */
  readonly #open: readonly string[];

  constructor(permissions: readonly string[]) {
    const mine = permissions.filter((permission) => permission.startsWith(PREFIX));
    this.#open = mine.filter((one) => one.endsWith('*')).map((one) => one.slice(0, -1));
    for (const one of mine) this.#exact.add(one);
  }

  has(action: CacheAction, cache: string): boolean {
    const wanted = `${PREFIX}${action}:${cache}`;
    return this.#exact.has(wanted) || this.#open.some((open) => wanted.startsWith(open));
  }
}

const PREFIX = 'cache:';
