/** Where a call is at home: the scope and the L1 partition of the caller in one named cache. */
import { Address, assertKey, Scope, type ScopeRules } from '../core/key.js';
import { Lately } from '../core/lately.js';
import type { EntryScope } from '../core/security.js';
import { missing, type ContextStore, type Entered } from '../security/context.js';
import { isSystem } from '../security/system.js';
import type { MemoryTier, Partition } from '../tiers/memory/memory-tier.js';

const MAX_HOMES = 10_000;
/** Twice this at most, and so as many as memory holds unless told otherwise. About 300 bytes each. */
const RECENT = 8_192;

/** One tenant's or user's part of a cache. */
export interface Home {
  readonly scope: Scope;
  readonly partition: Partition | undefined;
}

export class Homes {
  readonly #byName = new Map<string, Home>();
  /** Addresses asked for lately: hashing and spelling a key costs more than finding that it was done. */
  readonly #recent = new Lately<string, Address>(RECENT);
  #public: Home;

  constructor(
    readonly namespace: string,
    readonly cache: string,
    readonly rules: ScopeRules,
    readonly context: ContextStore,
    readonly l1: MemoryTier | null,
    /** There is a tier below memory, which wants keys spelled: without one they are found by what they are. */
    readonly below: boolean,
    /** Whose entries are meant; left out: the tenant's, or everybody's where there is none. */
    readonly of?: EntryScope,
  ) {
    this.#public = this.#make('p');
  }

  /**
   * Of whoever has entered, which takes a look at the context; no name is built to find a tenant's.
   *
   * @throws CacheError `CACHE_CONTEXT_MISSING`
   */
  current(entered: Entered | undefined): Home {
    const { tenancy } = this.context;
    if (tenancy === 'off' && this.of === undefined)
      return entered === undefined ? this.#public : this.#ofTenant(entered.tenant);
    return this.#judged(entered);
  }

  /** The same, after a miss: a partition that was swept while it was empty is taken anew. */
  living(home: Home): Home {
    const { subject, tenant } = home.scope;
    return home.partition?.live === false ? this.#make(tenant, subject) : home;
  }

  /**
   * A key in this home.
   *
   * @throws CacheError `CACHE_KEY_INVALID`
   */
  address({ scope }: Home, key: string): Address {
    // Tenants that ask for the same key have an address each, or they would ask a store anew for every call.
    const name = scope === this.#public.scope ? key : `${scope.id}\u0000${key}`;
    const known = this.#recent.get(name);
    // A home that was forgotten and made anew has another scope.
    if (known?.scope === scope) return known;
    assertKey(key);
    const address = new Address(scope, key);
    if (this.below) this.#recent.set(name, address);
    return address;
  }

  /** Where it matters who somebody is. */
  #judged(entered: Entered | undefined): Home {
    const required = this.context.tenancy === 'required';
    if (entered === undefined) {
      if (required) throw missing('is missing: nobody was named for this call');
      if (this.of === 'user') throw missing('is missing: an entry of a user was meant');
      return this.#public;
    }
    const { of = 'tenant' } = this;
    this.context.asked(of);
    if (of === 'public') return this.#public;
    const { subjectId, tenantId } = entered.context;
    if (required && tenantId === undefined && !isSystem(entered.context))
      throw missing('names no tenantId');
    const { last } = entered;
    const known = last?.homes === this ? (last.home as Home) : undefined;
    // Nobody stores into a partition that was swept: it is not to be asked for ever.
    if (known && known.partition?.live !== false) return known;
    const home = this.#of(of, entered, subjectId);
    entered.last = { homes: this, home };
    return home;
  }

  #of(of: EntryScope, entered: Entered, subjectId: string | undefined): Home {
    if (of === 'tenant') return this.#ofTenant(entered.tenant);
    if (subjectId === undefined) throw missing('names no subjectId: an entry of a user was meant');
    return this.#find(`${entered.tenant}\u0000${subjectId}`, entered.tenant, subjectId);
  }

  #ofTenant(tenant: string): Home {
    return tenant === 'p' ? this.#public : this.#find(tenant, tenant);
  }

  #find(name: string, tenant: string, subject?: string): Home {
    return this.#byName.get(name) ?? this.#make(tenant, subject);
  }

  #make(tenant: string, subject?: string): Home {
    const scope = new Scope(this.namespace, tenant, this.cache, this.rules, subject);
    const home = { scope, partition: this.l1?.partition(scope) };
    if (tenant === 'p' && subject === undefined) return (this.#public = home);
    // Bounded: a forgotten home is remade when its tenant calls again.
    if (this.#byName.size >= MAX_HOMES) this.#byName.delete(this.#byName.keys().next().value!);
    this.#byName.set(subject === undefined ? tenant : `${tenant}\u0000${subject}`, home);
    return home;
  }
}
