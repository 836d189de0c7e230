/** Where a call is at home: the scope and the L1 partition of the caller's tenant in one named cache. */
import { Address, Scope, type ScopeRules } from '../core/key.js';
import type { ContextStore } from '../security/context.js';
import type { MemoryTier, Partition } from '../tiers/memory/memory-tier.js';

const MAX_TENANTS = 10_000;
/** About 300 bytes each. */
const MAX_RECENT = 4_096;

/** One tenant's part of a cache. */
export interface Home {
  readonly scope: Scope;
  readonly partition: Partition | undefined;
}

export class Homes {
  readonly #byTenant = new Map<string, Home>();
  /** Addresses asked for lately: hashing and spelling a key costs more than finding that it was done. */
  readonly #recent = new Map<string, Address>();
  #public: Home;

  constructor(
    readonly namespace: string,
    readonly cache: string,
    readonly rules: ScopeRules,
    readonly context: ContextStore,
    readonly l1: MemoryTier | null,
  ) {
    this.#public = this.#make('p');
  }

  /** Of whoever is calling; no name is built to find it. */
  current(): Home {
    const { tenant } = this.context;
    if (tenant === 'p') return this.#public;
    return this.#byTenant.get(tenant) ?? this.#make(tenant);
  }

  /** The same, after a miss: a partition that was swept while it was empty is taken anew. */
  living(home: Home): Home {
    return home.partition?.live === false ? this.#make(home.scope.tenant) : home;
  }

  /** A key in this home. */
  address({ scope }: Home, key: string): Address {
    const known = this.#recent.get(key);
    // Tenants that ask for the same key take turns.
    if (known?.scope === scope) return known;
    if (this.#recent.size >= MAX_RECENT) this.#recent.clear();
    const address = new Address(scope, key);
    this.#recent.set(key, address);
    return address;
  }

  #make(tenant: string): Home {
    const scope = new Scope(this.namespace, tenant, this.cache, this.rules);
    const home = { scope, partition: this.l1?.partition(scope) };
    if (tenant === 'p') return (this.#public = home);
    // Bounded: a forgotten home is remade when its tenant calls again.
    if (this.#byTenant.size >= MAX_TENANTS)
      this.#byTenant.delete(this.#byTenant.keys().next().value!);
    this.#byTenant.set(tenant, home);
    return home;
  }
}
