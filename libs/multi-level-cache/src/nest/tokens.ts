/** Injection tokens of the tiers and of what decides between them; the cache itself is injected by its class, `CacheManager`. */

/**
 * The tiers that are on, top first: `readonly Tier[]`. The cache works on exactly these.
 *
 * @example
 * class Console {
 *   constructor(@Inject(CACHE_TIERS) private readonly tiers: readonly Tier[]) {}
 *
 *   states(): string[] {
 *     return this.tiers.map((tier) => `${tier.name} ${tier.status().state}`);
 *   }
 * }
 */
export const CACHE_TIERS: unique symbol = Symbol('CACHE_TIERS');

/** The memory tier, or `null` when off. What replaces it must be a `MemoryTier` or `null`. */
export const CACHE_L1: unique symbol = Symbol('CACHE_L1');

/**
 * The Redis tier, or `null` when off. Replaceable by any `Tier` named `l2`.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(CACHE_L2).useValue(null);
 */
export const CACHE_L2: unique symbol = Symbol('CACHE_L2');

/** The PostgreSQL tier, or `null` when off. Replaceable by any `Tier` named `l3`. */
export const CACHE_L3: unique symbol = Symbol('CACHE_L3');

/**
 * The `Placement` that decides in which tiers entries live, or `null` for everything everywhere.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(CACHE_PLACEMENT).useValue(null);
 */
export const CACHE_PLACEMENT: unique symbol = Symbol('CACHE_PLACEMENT');

/**
 * The `CachePolicy` that is asked before every call, or `null` for none: the option `security.policy`.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(CACHE_POLICY).useValue(null);
 */
export const CACHE_POLICY: unique symbol = Symbol('CACHE_POLICY');

/**
 * For whom the running work is done: `CurrentContext`. What a loader reads of it here is known to the cache, which keeps no value
 * that is made of more than its scope says.
 *
 * @example
 * class Greeting {
 *   constructor(@Inject(CACHE_SECURITY_CONTEXT) private readonly caller: CurrentContext) {}
 *
 *   text(): string {
 *     return `Hello ${this.caller.current()?.subjectId ?? 'stranger'}`;
 *   }
 * }
 */
export const CACHE_SECURITY_CONTEXT: unique symbol = Symbol('CACHE_SECURITY_CONTEXT');

/**
 * The audit log, or `null` where it is off: `Audit`. For events that the cache does not know of, and for tests.
 *
 * @example
 * class Keys {
 *   constructor(@Inject(CACHE_AUDIT) private readonly audit: Audit | null) {}
 *
 *   rotated(): void {
 *     this.audit?.record({ type: 'key-rotation', reason: 'signing key' });
 *   }
 * }
 */
export const CACHE_AUDIT: unique symbol = Symbol('CACHE_AUDIT');

/** Options as the parts get them, checked and complete. Not for applications. */
export const RESOLVED_OPTIONS: unique symbol = Symbol('RESOLVED_CACHE_OPTIONS');
