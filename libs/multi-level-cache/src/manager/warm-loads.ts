/** Brings keys into memory for the warmer: from the lower tiers many at once, or by their loaders, as the tenant they belong to. */
import type { Entry } from '../core/entry.js';
import type { EntryOptions } from '../core/entry-options.js';
import type { Address, Scope } from '../core/key.js';
import type { Stored } from '../warming/access-record.js';
import { placeOf, type KeyRef } from '../warming/key-ref.js';
import type { Planner } from '../warming/planner.js';
import type { WarmTarget } from '../warming/warmer.js';
import type { CacheManager, Loader } from './cache-manager.js';
import type { Parts } from './parts.js';
import type { WarmCalls } from './warm-calls.js';

/** Keys asked for together: what comes back is opened in one go, and requests have their turn in between. */
const AT_A_TIME = 100;

/** What warming needs of a named cache. */
export interface WarmCache extends Pick<CacheManager, 'get' | 'set' | 'getMany'> {
  scope(): Scope;
  address(key: string): Address;
  fresh(keys: readonly string[]): Promise<ReadonlyMap<string, Entry | undefined>>;
  ahead(
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
    force: boolean,
  ): Promise<Entry | undefined>;
}

export interface WarmingHost {
  readonly parts: Parts;
  cache(name: string): WarmCache;
  /** Runs `work` for a tenant; `p` = nobody's. */
  as<T>(tenant: string, work: () => T): T;
}

export class WarmLoads implements WarmTarget {
  constructor(
    readonly host: WarmingHost,
    readonly calls: WarmCalls,
    readonly planner: Planner,
  ) {}

  async fresh(refs: readonly KeyRef[]): Promise<readonly boolean[]> {
    const fresh = new Set<KeyRef>();
    for (const some of together(refs)) {
      const { tenant, cache } = some[0];
      const keys = some.map(({ key }) => key);
      const found = await this.host.as(tenant, () => this.host.cache(cache).fresh(keys));
      for (const ref of some) {
        if (found.has(ref.key)) fresh.add(ref);
        this.#learn(ref, found.has(ref.key), found.get(ref.key));
      }
    }
    return refs.map((ref) => fresh.has(ref));
  }

  async load(ref: KeyRef, renew: boolean): Promise<boolean> {
    if (this.host.parts.closing.begun) return false;
    return this.host.as(ref.tenant, async () => {
      const call = this.calls.find(ref);
      if (!call) return false;
      const { record } = this.planner;
      const id = record.idOf(ref);
      const before = id === undefined ? 0 : record.freshUntil(id);
      const cache = this.host.cache(ref.cache);
      const entry = await cache.ahead(call.key, call.loader, call.options, renew);
      if (!entry) return false;
      this.#learn(ref, true, entry);
      if (id !== undefined) this.planner.warmed(id, this.host.parts.clock.now(), before);
      return true;
    });
  }

  /** Whether memory has an entry of it, fresh or not. */
  holds({ cache, key, tenant }: KeyRef): boolean {
    const scope = this.host.as(tenant, () => this.host.cache(cache).scope());
    return this.host.parts.l1?.holds(scope, key) === true;
  }

  /** `entry` = where a lower tier or a loader gave it: how long memory may keep it says little. */
  #learn(ref: KeyRef, fresh: boolean, entry: Entry | undefined): void {
    const { record } = this.planner;
    const id = record.idOf(ref);
    if (id === undefined) return;
    if (!fresh) record.gone(id);
    else if (entry) record.stored(id, factsOf(entry));
  }
}

/** What planning wants to know of a value. */
export function factsOf({ createdAt, freshUntil, loadMs, shape }: Entry): Stored {
  return { freshUntil, ttl: freshUntil - createdAt, loadMs, bytes: shape.bytes };
}

/** Keys of one tenant and cache, so many at a time. */
function* together(refs: readonly KeyRef[]): Generator<KeyRef[]> {
  const places = new Map<string, KeyRef[]>();
  for (const ref of refs) {
    const some = places.get(placeOf(ref));
    if (some) some.push(ref);
    else places.set(placeOf(ref), [ref]);
  }
  for (const some of places.values())
    for (let at = 0; at < some.length; at += AT_A_TIME) yield some.slice(at, at + AT_A_TIME);
}
