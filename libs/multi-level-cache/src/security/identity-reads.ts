/** What a loader has read of the identity it runs for: a value made from it belongs to nobody wider. */
import type { EntryScope, SecurityContext } from '../core/security.js';

const NAMES = ['tenantId', 'subjectId', 'roles', 'permissions', 'attributes'] as const;
type Name = (typeof NAMES)[number];

/** What one loader has read, and the loader it runs within. */
export class Reads {
  readonly names = new Set<Name>();
  outer: Reads | undefined;

  add(name: Name): void {
    if (this.names.has(name)) return;
    this.names.add(name);
    this.outer?.add(name);
  }

  /** Which part of the identity is narrower than an entry of this scope; none = the value may be kept. */
  narrowerThan(scope: EntryScope): Name | undefined {
    return [...this.names].find((name) => WIDTH[scope] > WIDTH[scopeOf(name)]);
  }
}

const WIDTH: Readonly<Record<EntryScope, number>> = { user: 0, tenant: 1, public: 2 };

/** Roles, permissions and attributes are a user's: two users of a tenant may have others. */
export function scopeOf(name: Name): EntryScope {
  return name === 'tenantId' ? 'tenant' : 'user';
}

/** The same context; each look at it is written down. Copying it is a look at all of it. */
export function watched(context: SecurityContext, reads: Reads): SecurityContext {
  const view: SecurityContext = {};
  for (const name of Object.keys(context) as (keyof SecurityContext)[])
    Object.defineProperty(view, name, {
      enumerable: true,
      get: () => {
        if (name !== 'requestId') reads.add(name);
        return context[name];
      },
    });
  // Whether something is missing is known by a look as well.
  for (const name of NAMES.filter((one) => !Object.hasOwn(context, one)))
    Object.defineProperty(view, name, {
      enumerable: false,
      get: () => reads.add(name),
    });
  return Object.freeze(view);
}
