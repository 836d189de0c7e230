/** What an application may say about security, and what the parts get once it has been checked. No checking here. */

/**
 * Whether calls name a tenant: nobody does (`'off'`), a call without one is public (`'optional'`), or it is refused
 * (`'required'`).
 */
export type Tenancy = 'off' | 'optional' | 'required';

/** Options of `security`. */
export interface SecurityConfig {
  /** @defaultValue `'off'` */
  readonly tenancy?: Tenancy;
}

/** Checked security options. */
export interface SecurityOptions {
  readonly tenancy: Tenancy;
}
