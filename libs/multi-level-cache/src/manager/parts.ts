/** What the paths of one application work with. No behaviour here. */
import type { TagClock } from '../coherence/tag-clock.js';
import type { Clock } from '../core/clock.js';
import type { Isolation } from '../core/entry.js';
import type { ScopeRules } from '../core/key.js';
import type { EventHub } from '../core/events.js';
import type { Latencies } from '../core/latency.js';
import type { Tracing } from '../core/tracing.js';
import type { ContextStore } from '../security/context.js';
import type { Gate } from '../security/gate.js';
import type { LoadQuota } from '../security/load-quota.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { AuditTrail } from './audit-trail.js';
import type { Background } from './background.js';
import type { Closing } from './closing.js';
import type { InvalidationTally } from './invalidation-tally.js';
import type { LoadTallies } from './load-tally.js';
import type { Placing } from './placing.js';
import type { SingleFlight } from './single-flight.js';
import type { TierGuard } from './tier-guard.js';
import type { Watch } from './watch.js';

export interface Parts {
  readonly namespace: string;
  readonly rules: ScopeRules;
  readonly isolation: Isolation;
  readonly clock: Clock;
  readonly l1: MemoryTier | null;
  readonly l2: TierGuard | null;
  readonly l3: TierGuard | null;
  /** Which tags were bumped when, in this process's own counting. */
  readonly tags: TagClock;
  readonly flights: SingleFlight;
  readonly placing: Placing;
  readonly events: EventHub;
  readonly tracing: Tracing;
  readonly watch: Watch;
  readonly loads: LoadTallies;
  readonly invalidations: InvalidationTally;
  /** Whether other instances are not heard at the moment. */
  readonly backplane: { deaf: boolean };
  /** Of one hit in memory in 1,024. */
  readonly memoryLatencies: Latencies;
  readonly background: Background;
  readonly closing: Closing;
  readonly context: ContextStore;
  readonly gate: Gate;
  /** `undefined` = no tenant has one. */
  readonly loadQuota: LoadQuota | undefined;
  /** `undefined` = nothing is audited. */
  readonly audit?: AuditTrail | undefined;
  /** 0 ≤ n < 1; for jitter only. */
  readonly random: () => number;
}
