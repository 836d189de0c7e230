/** How Nest makes the tiers and the cache from the options; each step is a provider that a test may replace. */
import type { KeyObject } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import type { Audit } from '../core/audit.js';
import { chance, SystemClock, type Clock } from '../core/clock.js';
import { CacheError } from '../core/errors.js';
import type { MessageSeal } from '../core/message-seal.js';
import type { ResolvedOptions } from '../core/options.js';
import type { Placement } from '../core/placement.js';
import type { CachePolicy, CurrentContext } from '../core/security.js';
import type { Tier, TierName } from '../core/tier.js';
import { TypeOrmTransactions } from '../integrations/transactions/typeorm-transactions.js';
import { CacheManager } from '../manager/cache-manager.js';
import { CacheInspector } from '../manager/cache-inspector.js';
import { CacheVault } from '../manager/cache-vault.js';
import { NO_SECURITY } from '../manager/application.js';
import { createCache, isRoot } from '../manager/create-cache.js';
import type { TransactionHooks, Transactions } from '../manager/transactions.js';
import { DefaultPlacement } from '../manager/placement.js';
import { messageSealOf } from '../security/message-seal.js';
import { nameSecretOf } from '../security/name-secret.js';
import { DatabaseTier } from '../tiers/database/database-tier.js';
import { MemoryTier } from '../tiers/memory/memory-tier.js';
import { RedisTier } from '../tiers/redis/redis-tier.js';
import { CacheAdvisor } from './advisor.js';
import { makeAudit, refusalsOf } from './audit.js';
import { CacheBinder } from './cache-binder.js';
import { CacheHolder } from './cache-holder.js';
import { MODULE_OPTIONS_TOKEN } from './multi-level-cache.module-definition.js';
import {
  CACHE_AUDIT,
  CACHE_L1,
  CACHE_L2,
  CACHE_L3,
  CACHE_PLACEMENT,
  CACHE_POLICY,
  CACHE_SECURITY_CONTEXT,
  CACHE_TIERS,
  RESOLVED_OPTIONS,
} from './tokens.js';
import { validateOptions } from './validate-options.js';
import { WarmingExplorer } from './warming-explorer.js';
import { WarmingJob } from './warming-job.js';

const CLOCK = Symbol('CACHE_CLOCK');
const NAME_SECRET = Symbol('CACHE_NAME_SECRET');
const MESSAGE_SEAL = Symbol('CACHE_MESSAGE_SEAL');
const ORDER: readonly TierName[] = ['l1', 'l2', 'l3'];

export const PROVIDERS: Provider[] = [
  CacheHolder,
  CacheBinder,
  CacheAdvisor,
  WarmingExplorer,
  WarmingJob,
  { provide: RESOLVED_OPTIONS, inject: [MODULE_OPTIONS_TOKEN], useFactory: validateOptions },
  { provide: CLOCK, useClass: SystemClock },
  {
    provide: NAME_SECRET,
    inject: [RESOLVED_OPTIONS, CLOCK],
    useFactory: ({ security }: ResolvedOptions, clock: Clock) =>
      nameSecretOf(security?.hideKeys, clock),
  },
  {
    provide: MESSAGE_SEAL,
    inject: [RESOLVED_OPTIONS, CLOCK, NAME_SECRET],
    useFactory: (
      { namespace, security }: ResolvedOptions,
      clock: Clock,
      nameSecret: KeyObject | undefined,
    ) => messageSealOf(namespace, security?.backplane, nameSecret, clock),
  },
  {
    provide: CACHE_L3,
    inject: [RESOLVED_OPTIONS, CLOCK, CACHE_AUDIT, MESSAGE_SEAL],
    useFactory: (
      { defaults, l1, l3, namespace, security }: ResolvedOptions,
      clock: Clock,
      audit: Audit | null,
      seal?: MessageSeal,
    ): Tier | null => {
      if (!l3) return null;
      const tenantSize = security?.quotas?.l3;
      const { partitionTtl } = defaults;
      const onRefused = refusalsOf('l3', audit);
      const shared = isShared(l1);
      const deps = { namespace, clock, seal, partitionTtl, onRefused, shared };
      return new DatabaseTier({ ...l3, tenantSize }, deps);
    },
  },
  {
    provide: CACHE_L2,
    inject: [RESOLVED_OPTIONS, CLOCK, CACHE_AUDIT, MESSAGE_SEAL],
    useFactory: (
      { l1, l2, namespace }: ResolvedOptions,
      clock: Clock,
      audit: Audit | null,
      seal?: MessageSeal,
    ): Tier | null => {
      const onRefused = refusalsOf('l2', audit);
      const shared = isShared(l1);
      return l2 ? new RedisTier(l2, { namespace, clock, seal, onRefused, shared }) : null;
    },
  },
  {
    provide: CACHE_L1,
    inject: [RESOLVED_OPTIONS, CLOCK, CACHE_L2, CACHE_L3],
    // A lower tier that was put in or taken out by a test decides who holds stale values.
    useFactory: ({ l1, security }: ResolvedOptions, clock: Clock, ...lower: (Tier | null)[]) => {
      if (!l1) return null;
      const tenantShare = security?.quotas?.l1;
      const keepStale = lower.every((tier) => !tier);
      return new MemoryTier({ ...l1, tenantShare, keepStale }, clock);
    },
  },
  {
    provide: CACHE_TIERS,
    inject: [CACHE_L1, CACHE_L2, CACHE_L3],
    useFactory: (...tiers: (Tier | null)[]): readonly Tier[] =>
      tiers.filter((tier) => tier !== null),
  },
  {
    provide: CACHE_PLACEMENT,
    inject: [RESOLVED_OPTIONS, CACHE_TIERS, CLOCK],
    useFactory: (
      { placement }: ResolvedOptions,
      tiers: unknown,
      clock: Clock,
    ): Placement | null => {
      const hasL2 = tierSet(tiers).l2 !== null;
      return placement === false ? null : (placement ?? new DefaultPlacement(hasL2, clock));
    },
  },
  { provide: CACHE_AUDIT, inject: [RESOLVED_OPTIONS, CLOCK], useFactory: makeAudit },
  {
    provide: CACHE_POLICY,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ security }: ResolvedOptions): CachePolicy | null => security?.policy ?? null,
  },
  {
    provide: CACHE_SECURITY_CONTEXT,
    inject: [CacheManager],
    useFactory: (manager: CacheManager): CurrentContext =>
      isRoot(manager) ? manager.context : { current: () => undefined },
  },
  {
    provide: CacheManager,
    inject: [
      RESOLVED_OPTIONS,
      CACHE_TIERS,
      CACHE_PLACEMENT,
      CLOCK,
      CACHE_POLICY,
      CACHE_AUDIT,
      NAME_SECRET,
    ],
    useFactory: (
      given: ResolvedOptions,
      tiers: readonly Tier[],
      placement: Placement | null,
      clock: Clock,
      policy: CachePolicy | null,
      audit: Audit | null,
      nameSecret: KeyObject | undefined,
    ): CacheManager => {
      const security = { ...(given.security ?? NO_SECURITY), policy: policy ?? undefined };
      const options = { ...given, placement: placement ?? (false as const), security, nameSecret };
      const hooks = (all: Transactions): TransactionHooks => new TypeOrmTransactions(all);
      return createCache(options, tierSet(tiers), clock, hooks, chance, audit ?? undefined);
    },
  },
  {
    provide: CacheVault,
    inject: [CacheManager],
    // A stand-in that a test put in the cache's place has no keys.
    useFactory: (cache: CacheManager): CacheVault =>
      isRoot(cache) ? cache.vault : new CacheVault(undefined, () => Promise.resolve()),
  },
  {
    provide: CacheInspector,
    inject: [CacheManager, CacheAdvisor],
    // A stand-in holds nothing that could be listed.
    useFactory: (cache: CacheManager, advisor: CacheAdvisor): CacheInspector =>
      isRoot(cache) ? cache.inspector(() => advisor.advice()) : new CacheInspector(),
  },
];

/** What other modules may inject. `CacheHolder` is for decorated classes. */
export const EXPORTS = [
  CacheManager,
  CacheVault,
  CacheAdvisor,
  CacheInspector,
  CacheHolder,
  RESOLVED_OPTIONS,
  CACHE_AUDIT,
  CACHE_TIERS,
  CACHE_L1,
  CACHE_L2,
  CACHE_L3,
  CACHE_PLACEMENT,
  CACHE_POLICY,
  CACHE_SECURITY_CONTEXT,
];

/** The list by name; whoever replaced a provider may have got it wrong. */
function tierSet(tiers: unknown): { l1: MemoryTier | null; l2: Tier | null; l3: Tier | null } {
  const list = Array.isArray(tiers) ? (tiers as Partial<Tier>[]) : [];
  const names = list.map((tier) => ORDER.indexOf(tier.name as TierName));
  if (!Array.isArray(tiers) || names.some((place, index) => place <= (names[index - 1] ?? -1))) {
    throw invalid(
      'CACHE_TIERS must be a list of tiers named l1, l2, l3 in this order, each at most once',
    );
  }
  const find = (name: TierName): Tier | null =>
    (list as Tier[]).find((tier) => tier.name === name) ?? null;
  const l1 = find('l1');
  if (l1 !== null && !(l1 instanceof MemoryTier)) {
    throw invalid('CACHE_L1 must be a MemoryTier or null: it is read without waiting');
  }
  return { l1, l2: find('l2'), l3: find('l3') };
}

function invalid(message: string): CacheError {
  return new CacheError('CACHE_CONFIG_INVALID', message);
}

/** Callers get the same objects, and may change them. */
function isShared(l1: ResolvedOptions['l1']): boolean {
  return l1 && l1.isolation === 'share';
}
