/** The public door: everything an application may name. Nothing inside the library imports it. */

// Wiring it into an application
export { MultiLevelCacheModule } from './nest/multi-level-cache.module.js';
export type {
  CacheModuleAsyncOptions,
  CacheModuleExtras,
} from './nest/multi-level-cache.module-definition.js';
export type { CacheOptionsFactory } from './nest/options-factory.js';
export type {
  CacheModuleOptions,
  DataSourceLike,
  DefaultsConfig,
  FeatureConfig,
  L1Config,
  L2Config,
  L3Config,
  RedisClientLike,
  RedisCredentials,
  RedisNode,
  WarmingConfig,
} from './core/options.js';
export type { Duration } from './core/duration.js';
export type { Size } from './core/size.js';

// Using it
export { getCacheToken, InjectCache } from './nest/cache-feature.module.js';
export { CacheManager } from './manager/cache-manager.js';
export type {
  Applied,
  BulkLoader,
  BulkLoaderContext,
  Entries,
  Explanation,
  InvalidateOptions,
  KeyForecast,
  Loader,
  LoaderContext,
  MutateOptions,
  EntityManagerLike,
  MutateTargets,
  Receipt,
  StaleValue,
  TierExplanation,
  WarmOptions,
  WriteOptions,
} from './manager/cache-manager.js';
export type {
  Consistency,
  EntryOptions,
  LifeOptions,
  ReadOptions,
  TierTtl,
  TypeList,
} from './core/entry-options.js';
export type { StandardSchema } from './core/standard-schema.js';
export type { PlacementStats, SkipCounts } from './manager/placing.js';
export type { CacheStats, NamedStats, RequestCounts, TierStats } from './manager/stats.js';
export type { InvalidationStats } from './manager/invalidation-tally.js';
export type { LoadStats } from './manager/load-tally.js';
export type { BreakerState } from './manager/tier-parts.js';
export type { LatencyStats } from './core/latency.js';
export type { WarmingStats } from './manager/warm-tally.js';

export type { Chances, Horizon, Moment, Pattern, Predictor } from './core/predictor.js';
export { LearnedPredictor, type LearnedOptions } from './warming/learned-predictor.js';
export { EwmaPredictor, RecentPredictor } from './warming/simple-predictors.js';
export type { Priority } from './warming/plan.js';
export type { WarmOutcome, WarmReport } from './warming/warmer.js';

// Looking at it, for tools

// Decorators
export { Cached, type CachedBatchOptions, type CachedOptions } from './nest/decorators/cached.js';
export { CacheLoader, type CacheLoaderOptions } from './nest/decorators/cache-loader.js';
export { CachePut, type CachePutOptions } from './nest/decorators/cache-put.js';
export { CacheEvict, type CacheEvictOptions } from './nest/decorators/cache-evict.js';
export type {
  AsyncMethod,
  AsyncMethodDecorator,
  FixedOptions,
  Ttl,
} from './nest/decorators/method-options.js';

// For whom a call is made
export type {
  CacheAction,
  CachePolicy,
  CurrentContext,
  EntryScope,
  SecurityContext,
} from './core/security.js';
export { CACHE_POLICY, CACHE_SECURITY_CONTEXT } from './nest/tokens.js';
export type { QuotaConfig, SecurityConfig, Tenancy } from './core/security-options.js';
export { PermissionPolicy } from './security/permission-policy.js';
export { isSystem as isSystemContext } from './security/system.js';
export type { SecurityStats } from './security/gate.js';

// Encryption at rest
export { CacheVault, type RotateOptions } from './manager/cache-vault.js';
export type {
  EncryptionConfig,
  Integrity,
  MasterKeyProvider,
  MasterKeys,
  NameSecretProvider,
} from './core/encryption-options.js';
export type { BackplaneConfig, BackplaneKeyProvider } from './core/backplane-options.js';
export type { Refusal, Refused, TenantKeyStore } from './core/vault.js';
export type { VaultStats } from './security/vault/key-vault.js';

// Looking into it
export { CacheInspector } from './manager/cache-inspector.js';
export type {
  Advice,
  EntriesPage,
  EntriesQuery,
  EntrySummary,
  PlanEntry,
  Setting,
  ValueShape,
  WarmingPlan,
} from './core/inspection.js';

// Errors
export { CacheError, isCacheError, type CacheErrorCode } from './core/errors.js';

// Events
export type {
  CacheEventName,
  CacheEvents,
  CacheListener,
  OperationName,
  TierOperationName,
} from './core/events.js';

// Tiers: tokens to inject or replace them, and the ports that a tier or a placement of one's own stands behind
export { CACHE_L1, CACHE_L2, CACHE_L3, CACHE_PLACEMENT, CACHE_TIERS } from './nest/tokens.js';
export type {
  ApplyHow,
  Change,
  DebtBook,
  Filled,
  Kept,
  ListQuery,
  MaybePromise,
  MessageCounts,
  PoolPressure,
  RemoteChange,
  RemoteKey,
  SharedDebt,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierName,
  TierRead,
  TierState,
  TierStatus,
  Trouble,
} from './core/tier.js';
export type { PlacedEntry, Placement, Skip } from './core/placement.js';
export type { Entry, Isolation, TierCaps } from './core/entry.js';
export type { Address, Scope } from './core/key.js';

// What would be better otherwise
export { CacheAdvisor } from './nest/advisor.js';

// Walls around it
export { redisAclRules, type RedisAclOptions } from './tiers/redis/acl.js';
export { rowSecurity, type RowSecurityOptions } from './tiers/database/row-security.js';
// Audit: its log, where it goes, and what verifies it
export type {
  Audit,
  AuditActor,
  AuditCheckpoint,
  AuditEvent,
  AuditEventType,
  AuditOutcome,
  AuditRecord,
  AuditSink,
  AuditStats,
} from './core/audit.js';
export type { AuditConfig, AuditFile, AuditKey } from './core/audit-options.js';
export { CACHE_AUDIT } from './nest/tokens.js';
export {
  verifyAudit,
  type AuditReport,
  type AuditSource,
  type ChainReport,
  type ChainState,
  type VerifyOptions,
} from './security/audit/verify.js';
export type { ChainFault, FaultKind } from './security/audit/chain-check.js';
