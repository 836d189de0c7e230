/** Everything that lives once per application, and its life from first contact to close: the only place where the parts meet. */
import { TagClock } from '../coherence/tag-clock.js';
import type { Audit } from '../core/audit.js';
import type { Clock, Timer } from '../core/clock.js';
import { localChange } from '../core/change.js';
import { EventHub } from '../core/events.js';
import type { Address, ScopeRules } from '../core/key.js';
import { Latencies } from '../core/latency.js';
import type { CacheSettings, ResolvedOptions } from '../core/options.js';
import type { SecurityOptions } from '../core/security-options.js';
import type { Tier, TierName, TierState } from '../core/tier.js';
import { Tracing } from '../core/tracing.js';
import { ContextStore } from '../security/context.js';
import { Gate } from '../security/gate.js';
import { LoadQuota } from '../security/load-quota.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { KeyRef } from '../warming/key-ref.js';
import { ApplicationKeys } from './application-keys.js';
import { AuditTrail } from './audit-trail.js';
import { Background } from './background.js';
import { Cache, type Shared } from './cache.js';
import { Closing } from './closing.js';
import { InvalidationTally } from './invalidation-tally.js';
import { LoadTallies } from './load-tally.js';
import type { Parts } from './parts.js';
import { Placing } from './placing.js';
import { ReadPath } from './read-path.js';
import { Relay } from './relay.js';
import { SingleFlight, type Answer } from './single-flight.js';
import { TierGuard } from './tier-guard.js';
import { Transactions, type TransactionHooks } from './transactions.js';
import { Trust } from './trust.js';
import { TypeRegistry } from './type-registry.js';
import { Warming } from './warming.js';
import { Watch } from './watch.js';
import { WritePath } from './write-path.js';

const FIRST_CONTACT_MS = 1_000;
const DRAIN_MS = 5_000;
const INVALIDATION_TIMEOUT_MS = 250;
/** Nobody is told apart. */
export const NO_SECURITY: SecurityOptions = { tenancy: 'off' };
const LOWER: readonly TierName[] = ['l2', 'l3'];

/** The tiers of an application; `null` = off. */
export interface TierSet {
  readonly l1: MemoryTier | null;
  readonly l2: Tier | null;
  readonly l3: Tier | null;
}

/** Makes what tells a cache of transactions. */
export type MakeHooks = (transactions: Transactions) => TransactionHooks;

export class Application implements Shared {
  readonly caches = new Map<string, Cache>();
  readonly context: ContextStore;
  readonly gate: Gate;
  readonly types = new TypeRegistry();
  readonly warming: Warming;
  readonly declared = new Map<string, CacheSettings>();
  readonly parts: Parts;
  readonly reads: ReadPath;
  readonly writes: WritePath;
  closed = false;
  readonly transactions: Transactions;
  readonly hooks: TransactionHooks;
  readonly keys: ApplicationKeys;
  readonly #trust: Trust | undefined;
  readonly #relay: Relay | undefined;
  /** The tier whose messages tell what others change; without Redis that is L3. */
  readonly #followed: Tier | null;

  constructor(
    readonly options: ResolvedOptions,
    readonly tiers: TierSet,
    readonly clock: Clock,
    hooks: MakeHooks,
    random: () => number,
    audit: Audit | undefined,
  ) {
    const { context, policy, quotas, tenancy } = options.security ?? NO_SECURITY;
    this.context = new ContextStore({ tenancy, source: context });
    this.gate = new Gate(this.context, policy);
    const background = new Background(clock);
    this.keys = new ApplicationKeys(options, tiers, this);
    const rules: ScopeRules = {
      groups: options.groups ?? [],
      types: this.types.classes,
      vault: this.keys.vault,
      noL1: new Set(options.security?.noL1),
      nameSecret: options.nameSecret,
    };
    const isolation = (options.l1 && options.l1.isolation) || 'freeze';
    const events = new EventHub(options.namespace);
    const tracing = new Tracing();
    const guard = (tier: Tier | null, other: Tier | null, budget: number): TierGuard | null =>
      tier &&
      new TierGuard(tier, clock, background, {
        budget,
        invalidationTimeout: INVALIDATION_TIMEOUT_MS,
        isolation,
        random,
        onIll: (ill) => this.#tell(tier.name, ill ? 'degraded' : 'up'),
        onCorrupt: (address) => this.#corrupt(tier.name, address),
        events,
        tracing,
        caches: () => this.caches.keys(),
        onPaid: (change) => this.writes.settle(tier.name, change),
        below: () => (tier === tiers.l2 ? this.parts.l3?.changes : undefined),
        book: other?.book,
        toLocal: (remote) => localChange(remote, options.namespace, rules),
        silent: tier === tiers.l3 && tiers.l2 !== null,
      });
    this.parts = {
      namespace: options.namespace,
      rules,
      isolation,
      clock,
      l1: tiers.l1,
      l2: guard(tiers.l2, tiers.l3, options.l2 ? options.l2.budget : 20),
      l3: guard(tiers.l3, tiers.l2, options.l3 ? options.l3.budget : 50),
      tags: tiers.l1?.tags ?? new TagClock(),
      flights: new SingleFlight(),
      placing: new Placing(options.placement || undefined, clock, random),
      events,
      tracing,
      watch: new Watch(events, clock, tracing),
      loads: new LoadTallies(clock),
      invalidations: new InvalidationTally(),
      backplane: { deaf: false },
      memoryLatencies: new Latencies(),
      background,
      closing: new Closing(clock, background),
      context: this.context,
      gate: this.gate,
      loadQuota: quotas?.loads === undefined ? undefined : new LoadQuota(clock, quotas.loads),
      audit: audit && new AuditTrail(audit, this.context, options.namespace),
      random,
    };
    this.parts.audit?.listenTo(events, this.gate);
    this.gate.onDenied = (denied) => events.has('denied') && events.emit('denied', denied);
    this.reads = new ReadPath(this.parts);
    this.writes = new WritePath(this.parts, rules);
    this.transactions = new Transactions(this.parts, this.writes);
    this.hooks = hooks(this.transactions);
    this.#relay =
      tiers.l3?.book &&
      new Relay(tiers.l3.book, clock, background, (change) => this.writes.redo(change));
    this.warming = new Warming(this, options.warming);
    this.#followed = tiers.l2 ?? (listensToL3(options) ? tiers.l3 : null);
    this.#trust =
      tiers.l1 && this.#followed
        ? new Trust(
            tiers.l1,
            clock,
            options.defaults.partitionTtl,
            this.#followed === tiers.l3,
            (deaf) => {
              this.parts.backplane.deaf = deaf;
              if (events.has('backplane'))
                events.emit('backplane', { state: deaf ? 'deaf' : 'recovered' });
            },
          )
        : undefined;
    const { l1 } = tiers;
    if (l1) {
      l1.onEvict = (cache, key, reason) => {
        if (events.has('evict')) events.emit('evict', { cache, key, reason });
      };
      l1.onPressure = (on) => this.#tell('l1', on ? 'degraded' : 'up');
    }
  }

  /** What goes on by itself from here on is nobody's trace. */
  open(): Promise<void> {
    return this.parts.tracing.quietly(() => this.#open());
  }

  async #open(): Promise<void> {
    let late: Timer | undefined;
    if (this.keys.vault) await this.keys.open(this.keys.vault);
    const guards = this.#guards;
    const audited = this.parts.audit?.log.open();
    // Told below, where the tiers have been waited for.
    audited?.catch(() => undefined);
    const contact = guards.map(async (guard) => {
      const followed = guard.tier === this.#followed;
      const listener = this.writes.listener(
        guard.tier.name,
        (state) => this.#onState(guard, state),
        (at) => followed && this.#trust?.heard(at),
      );
      // A tier that is not there at boot has missed messages as one that went away.
      if (followed) this.#trust?.state(guard.tier.status().state);
      await guard.tier.open(listener).catch(() => undefined);
    });
    this.#relay?.start();
    // What is owed to a tier lies in the other one: read when both have been contacted.
    const ready = Promise.all(contact).then(() =>
      Promise.all(
        guards
          .filter(({ tier }) => tier.status().state !== 'down')
          .map(({ changes }) => changes.shared.came()),
      ),
    );
    await Promise.race([
      ready,
      new Promise<void>((resolve) => {
        late = this.clock.after(FIRST_CONTACT_MS, resolve);
      }),
    ]);
    late?.cancel();
    if (audited) await audited;
  }

  async drain(): Promise<void> {
    await this.parts.background.drain(DRAIN_MS);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.warming.close();
    await this.parts.closing.end(this.#guards);
    this.#trust?.close();
    this.#relay?.close();
    this.keys.vault?.close();
    this.hooks.close();
    this.parts.l1?.flush();
    await Promise.all([this.parts.l2?.close(), this.parts.l3?.close(), this.tiers.l1?.close()]);
    // Last, for it tells of everything before.
    if (this.parts.audit) await this.parts.audit.close(this.clock);
  }

  /** What a named cache was declared with, else what the application says. */
  settings(name: string): CacheSettings {
    const settings: CacheSettings = this.declared.get(name) ?? this.options;
    if (!this.parts.rules.noL1?.has(name)) return settings;
    const { tiers = LOWER } = settings;
    return { ...settings, tiers: tiers.filter((tier) => tier !== 'l1') };
  }

  declare(name: string, settings: CacheSettings): void {
    this.declared.set(name, settings);
    this.caches.get(name)?.configure(this.settings(name));
  }

  as<T>(tenant: string, work: () => T): T {
    return this.context.as(tenant, work);
  }

  asked(ref: KeyRef, answer: Answer | undefined): void {
    this.warming.asked(ref, answer);
  }

  cache(name: string): Cache {
    let cache = this.caches.get(name);
    if (!cache) this.caches.set(name, (cache = new Cache(name, this)));
    return cache;
  }

  get #guards(): readonly TierGuard[] {
    return [this.parts.l2, this.parts.l3].filter((guard) => guard !== null);
  }

  #onState(guard: TierGuard, state: TierState): void {
    guard.parts.anew();
    if (guard.tier === this.#followed) this.#trust?.state(state);
    if (state === 'down') guard.changes.shared.went();
    else {
      guard.changes.pay();
      if (guard === this.parts.l3) this.#relay?.look();
      void guard.changes.shared.came();
    }
    this.#tell(guard.tier.name, state);
  }

  #corrupt(tier: TierName, address: Address): void {
    const { audit, events } = this.parts;
    audit?.corrupt(tier, address);
    if (events.has('corrupt')) events.emit('corrupt', { cache: address.scope.cache, tier });
  }

  #tell(tier: TierName, state: TierState): void {
    const { audit, events } = this.parts;
    if (!audit && !events.has('tier')) return;
    const { reason, config } = this.parts[tier]?.status() ?? {};
    if (config) audit?.misconfigured(tier, reason);
    if (!events.has('tier')) return;
    events.emit('tier', {
      tier,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(config === undefined ? {} : { config }),
    });
  }
}

/** Whether messages come from L3, which announces what it takes where there is no L2. */
function listensToL3({ l3 }: ResolvedOptions): boolean {
  return l3 !== false && !l3.poolerMode && !l3.quiet;
}
