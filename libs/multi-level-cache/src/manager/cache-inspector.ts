/** What an operator can look at and try: injectable beside `CacheManager`. */
import type { Advice, EntriesPage, EntriesQuery, Setting, ValueShape } from '../core/inspection.js';
import type { TierName } from '../core/tier.js';

/**
 * Entries, settings and advice, for tools such as the dashboard. Looking changes nothing that a request could notice: no
 * counter, no order of eviction, no promotion and no load. Whoever asks sees entries of its own tenant, and is asked for by the
 * policy as `admin`.
 *
 * @example
 * class Support {
 *   constructor(private readonly inspector: CacheInspector) {}
 *
 *   async keys(): Promise<readonly string[]> {
 *     const { entries } = await this.inspector.entries({ tier: 'l1', cache: 'default', prefix: 'user:' });
 *     return entries.map(({ key }) => key);
 *   }
 * }
 */
export abstract class CacheInspector {
  /**
   * One page of the keys that a tier holds: by a cursor, never all at once.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`, `CACHE_ACCESS_DENIED`, `CACHE_CONTEXT_MISSING`, `CACHE_TIER_UNAVAILABLE`
   */
  abstract entries(query: EntriesQuery): Promise<EntriesPage>;

  /**
   * What the value of a key looks like in the first tier that has it: types and lengths, nothing of what it says; `undefined` = no tier
   * has it.
   */
  abstract shape(cache: string, key: string): Promise<ValueShape | undefined>;

  /** Names of the caches that were declared or used. */
  abstract caches(): readonly string[];

  /** The options as they hold, defaults included; what is secret is replaced by `'***'`. */
  abstract settings(): Setting;

  /** What the boot advisor has found. */
  abstract advice(): readonly Advice[];

  /** Lets a tier that is not asked be tried now, instead of when its time has come; resolves when it has been tried. */
  abstract probe(tier: TierName): Promise<void>;
}
