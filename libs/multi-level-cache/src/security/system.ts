/** Contexts of the library's own work: made here and nowhere else, so that no request can claim to be one. */
import type { SecurityContext } from '../core/security.js';

const made = new WeakSet<SecurityContext>();

/** For a tenant, or for nobody. */
export function systemContext(tenantId?: string): SecurityContext {
  const context = Object.freeze(tenantId === undefined ? {} : { tenantId });
  made.add(context);
  return context;
}

/** Whether the library itself is at work, such as warming: it acts for a tenant, and for no user. */
export function isSystem(context: SecurityContext): boolean {
  return made.has(context);
}
