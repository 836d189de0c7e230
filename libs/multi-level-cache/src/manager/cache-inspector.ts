/** What an operator can look at and try: injectable beside `CacheManager`. */
import type { Clock } from '../core/clock.js';
import type {
  Advice,
  EntriesPage,
  EntriesQuery,
  Setting,
  ValueShape,
  WarmingPlan,
} from '../core/inspection.js';
import { Address, assertKey, type Scope } from '../core/key.js';
import type { ResolvedOptions } from '../core/options.js';
import type { TierName } from '../core/tier.js';
import { Door } from './door.js';
import { Homes } from './home.js';
import { cacheNamed, pageOf, questionOf, tierNamed } from './listing.js';
import type { Parts } from './parts.js';
import { shown } from './shown-settings.js';
import { shapeOf } from './value-shape.js';
import { WARMING_CACHE } from './warm-shelf.js';
import type { Warming } from './warming.js';

/** An application, as far as it is looked at. */
export interface Inspected {
  readonly parts: Parts;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly warming: Pick<Warming, 'lastPlan'>;
  readonly closed: boolean;
  readonly caches: ReadonlyMap<string, unknown>;
  readonly declared: ReadonlyMap<string, unknown>;
}

/** Whoever is calling is the same tenant in every cache. */
const DEFAULT_CACHE = 'default';
const NOTHING: EntriesPage = Object.freeze({ entries: Object.freeze([]) });
const NO_PLAN: WarmingPlan = Object.freeze({ leads: false, entries: Object.freeze([]) });

/**
 * Entries, settings and advice, for tools such as the dashboard. Looking changes nothing that a request could notice: no
 * counter, no order of eviction, no promotion and no load. Whoever asks for entries, a shape or the plan sees what is of its own tenant, and
 * is asked for by the policy as `admin`; users' own entries are not shown. The rest is about the whole application: it is for
 * operators, and asks nobody.
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
export class CacheInspector {
  readonly #application: Inspected | undefined;
  readonly #advice: () => readonly Advice[];

  /** @param application - left out: a stand-in of a test is looked at, which shows nothing */
  constructor(application?: Inspected, advice: () => readonly Advice[] = () => []) {
    this.#application = application;
    this.#advice = advice;
  }

  /**
   * One page of the keys that a tier holds: by a cursor, never all at once. Within a second, also where the store is silent.
   *
   * What was deleted, has expired, or was invalidated by `clear()`, a pattern or a tag is not among them, as far as a tier knows the
   * tags without reading the value: see docs/inspector.md.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`, `CACHE_ACCESS_DENIED`, `CACHE_CONTEXT_MISSING`, `CACHE_TIER_UNAVAILABLE`,
   * `CACHE_CLOSED`
   */
  async entries(query: EntriesQuery): Promise<EntriesPage> {
    const question = questionOf(query);
    const application = this.#application;
    if (!application) return NOTHING;
    const { tier } = question;
    const scope = this.#enter(application, question.cache);
    const { clock, parts } = application;
    const guard = tier === 'l1' ? null : parts[tier];
    const asked = tier === 'l1' ? parts.l1 : (guard?.tier ?? null);
    return pageOf(asked, guard, scope, question, clock);
  }

  /**
   * What the value of a key looks like in the first tier that has it, fresh or stale: types, lengths and names of members, nothing of
   * what it says; `undefined` = no tier has it.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`, `CACHE_KEY_INVALID`, `CACHE_ACCESS_DENIED`, `CACHE_CONTEXT_MISSING`, `CACHE_CLOSED`
   */
  async shape(cache: string, key: string): Promise<ValueShape | undefined> {
    cacheNamed(cache);
    assertKey(key);
    const application = this.#application;
    if (!application) return undefined;
    const address = new Address(this.#enter(application, cache, key), key);
    const { l1, l2, l3 } = application.parts;
    const view = l1?.inspect(address);
    if (view?.state === 'fresh' || view?.state === 'stale') return shapeOf(view.entry.value);
    for (const guard of [l2, l3]) {
      const entry = (await guard?.read(address, { count: false }))?.entry;
      if (entry) return shapeOf(entry.value);
    }
    return undefined;
  }

  /**
   * What the last round of warming in this process has planned to load for the caller's tenant, at most 100 keys. Caches that the
   * policy does not let the caller administer are left out, and no refusal is counted: the caller has named none of them.
   *
   * @throws CacheError `CACHE_CONTEXT_MISSING`, `CACHE_CLOSED`
   */
  plan(): WarmingPlan {
    const application = this.#application;
    if (!application) return NO_PLAN;
    const { context, gate } = application.parts;
    const { scope } = this.#door(application, DEFAULT_CACHE).homeOpen('admin');
    const asked = new Map<string, boolean>();
    return application.warming.lastPlan(scope.tenant, (cache) => {
      const may = asked.get(cache) ?? gate.may(context.entered?.context, 'admin', cache);
      asked.set(cache, may);
      return may;
    });
  }

  /** Names of the caches that were declared or used. */
  caches(): readonly string[] {
    const { caches, declared } = this.#application ?? {};
    const names = new Set([...(declared?.keys() ?? []), ...(caches?.keys() ?? [])]);
    names.delete(WARMING_CACHE);
    return [...names].sort();
  }

  /**
   * The options as they hold, defaults included, and those of named caches where they were declared. Secrets are `'***'`, and so is each text that is not known to be none; of an address
   * host and port are shown; functions, clients and objects of classes are named.
   */
  settings(): Setting {
    if (!this.#application) return {};
    const { declared, options } = this.#application;
    const caches = declared.size === 0 ? {} : { caches: Object.fromEntries(declared) };
    return shown({ ...options, ...caches });
  }

  /** What the boot advisor has found. */
  advice(): readonly Advice[] {
    return this.#advice();
  }

  /**
   * Lets a tier that is not asked, for it was slow or failed, be tried now, instead of when its time has come; resolves when it has
   * been tried, which takes its budget at most. Nothing where all is well, and where there is no connection, which is made again by
   * itself.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`
   */
  async probe(tier: TierName): Promise<void> {
    tierNamed(tier);
    if (tier !== 'l1') await this.#application?.parts[tier]?.parts.tryNow();
  }

  /** Of the caller's tenant, or of everybody; a door of its own, so that a look at a cache is no use of it. */
  #enter(application: Inspected, cache: string, key?: string): Scope {
    return this.#door(application, cache).enterOpen('admin', key).scope;
  }

  #door(application: Inspected, cache: string): Door {
    const { context, gate, namespace, rules } = application.parts;
    return new Door(new Homes(namespace, cache, rules, context, null, false), gate, application);
  }
}
