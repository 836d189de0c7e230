/** What an application may say about security, and what the parts get once it has been checked. No checking here. */
import type { AuditConfig, AuditOptions } from './audit-options.js';
import type { CachePolicy, SecurityContext } from './security.js';

/**
 * Whether calls name a tenant: nobody has to, and nothing is made of who does not say whose entry he means (`'off'`); a call
 * without one is public (`'optional'`); or it is refused (`'required'`).
 */
export type Tenancy = 'off' | 'optional' | 'required';

/** Options of `security`. */
export interface SecurityConfig {
  /**
   * On, each decorated method must say whose its entries are (`scope`), and a loader that reads more of its caller's identity
   * than that is refused. @defaultValue `'off'`
   */
  readonly tenancy?: Tenancy;
  /**
   * Who makes a request, from what the HTTP server got; asked once for each request, whose handlers run in that context.
   * `undefined` = nobody. What it throws fails the request.
   */
  readonly resolve?: (
    request: never,
  ) => SecurityContext | undefined | Promise<SecurityContext | undefined>;
  /** Where the context of a call comes from if none was entered here, such as from nestjs-cls; asked at every call. */
  readonly context?: () => SecurityContext | undefined;
  /** Who may do what within a tenant. @defaultValue everybody may everything */
  readonly policy?: CachePolicy;
  /** Who did what, in chains that show whether they were tampered with. @defaultValue `false` */
  readonly audit?: false | AuditConfig;
}

/** Checked security options. */
export interface SecurityOptions {
  readonly tenancy: Tenancy;
  readonly resolve?: SecurityConfig['resolve'];
  readonly context?: SecurityConfig['context'];
  readonly policy?: CachePolicy | undefined;
  /** `undefined` = off. */
  readonly audit?: AuditOptions | undefined;
}
