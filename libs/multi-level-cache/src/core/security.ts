/** For whom calls are made, whose entries they mean, and who may make them: the words of it. No behaviour here. */

/** The identity a piece of work runs for. */
export interface SecurityContext {
  /** Part of every key and tag. */
  readonly tenantId?: string;
  /** The user; part of the keys and tags of entries with `scope: 'user'`. */
  readonly subjectId?: string;
  readonly roles?: readonly string[];
  /** For a policy that asks, such as `PermissionPolicy`. */
  readonly permissions?: readonly string[];
  readonly requestId?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** Says for whom the running work is done. */
export interface CurrentContext {
  /** `undefined` = nobody was named. */
  current(): SecurityContext | undefined;
}

/** Whose an entry is: everybody's, one tenant's, or one user's within a tenant. */
export type EntryScope = 'public' | 'tenant' | 'user';

/**
 * What a verb does: `read` (`get`, `getOrSet`, `has`, `explain`…), `write` (`set`, `touch`…), `invalidate` (`delete`,
 * `expire`, tags, patterns, `mutate`), `clear`, `admin` (`warm`).
 */
export type CacheAction = 'read' | 'write' | 'invalidate' | 'clear' | 'admin';

/**
 * Decides who may do what. Asked before every call, also where memory has the answer; its answers are not remembered.
 *
 * A policy that throws denies.
 *
 * @example
 * class OfficeHours implements CachePolicy {
 *   can({ roles = [] }: SecurityContext, action: CacheAction): boolean {
 *     return action !== 'clear' || roles.includes('operator');
 *   }
 * }
 */
export interface CachePolicy {
  /** @param cache - name of the cache: `default` for the one that is injected */
  can(
    context: SecurityContext,
    action: CacheAction,
    cache: string,
    key: string | undefined,
  ): boolean;
}
