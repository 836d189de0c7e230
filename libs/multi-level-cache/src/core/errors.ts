/** Every error this library throws on its own account; a loader's error is never wrapped. */

/** The closed list of error codes. */
export type CacheErrorCode =
  | 'CACHE_CONFIG_INVALID'
  | 'CACHE_OPTION_INVALID'
  | 'CACHE_KEY_INVALID'
  | 'CACHE_PATTERN_UNDECLARED'
  | 'CACHE_VALUE_UNCACHEABLE'
  | 'CACHE_ACCESS_DENIED'
  | 'CACHE_CONTEXT_MISSING'
  | 'CACHE_SCOPE_VIOLATION'
  | 'CACHE_TIER_UNAVAILABLE'
  | 'CACHE_TIER_TIMEOUT'
  | 'CACHE_LOADER_TIMEOUT'
  | 'CACHE_LOAD_SHED'
  | 'CACHE_CLOSED';

const RETRYABLE: ReadonlySet<CacheErrorCode> = new Set<CacheErrorCode>([
  'CACHE_TIER_UNAVAILABLE',
  'CACHE_TIER_TIMEOUT',
  'CACHE_LOADER_TIMEOUT',
  'CACHE_LOAD_SHED',
]);

/**
 * The one error class of the library; tell the cases apart by `code`.
 *
 * Messages never hold a key, a value, a URL or a password.
 *
 * @example
 * try {
 *   await cache.getOrSet('slow', loader, { hardTimeout: '2s' });
 * } catch (error) {
 *   if (isCacheError(error, 'CACHE_LOADER_TIMEOUT')) return fallback;
 *   throw error;
 * }
 */
export class CacheError extends Error {
  override readonly name = 'CacheError';
  /** Whether the same call may succeed later without a change to the program. */
  readonly retryable: boolean;

  constructor(
    readonly code: CacheErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(`${code}: ${message}`, options);
    this.retryable = RETRYABLE.has(code);
  }
}

/** Tells a cache error (of one code, if given) from any other; works across copies of the library. */
export function isCacheError(error: unknown, code?: CacheErrorCode): error is CacheError {
  if (!(error instanceof Error) || error.name !== 'CacheError' || !('code' in error)) return false;
  return code === undefined || error.code === code;
}
