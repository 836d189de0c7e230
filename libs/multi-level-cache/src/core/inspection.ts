/** What an operator may look at: entries of a tier, what a value looks like, the plan of warming, settings and advice. Words only, no behaviour. */
import type { TierName } from './tier-name.js';

/** Which keys are asked for; always of the caller's own tenant. */
export interface EntriesQuery {
  readonly tier: TierName;
  /** Name of the cache: `default` for the one that is injected. */
  readonly cache: string;
  /** Only keys that begin with it. */
  readonly prefix?: string;
  /** Where the page before ended: what it gave as `next`. */
  readonly cursor?: string;
  /** Entries at most, 1 … 200.
   * @defaultValue 50
   */
  readonly limit?: number;
}

/** A key that a tier holds. */
export interface EntrySummary {
  /** As the application spells it; its hash where names are hidden in the store, which can be asked for by nobody. */
  readonly key: string;
  /** `key` is a hash. */
  readonly hidden?: boolean;
  readonly state: 'fresh' | 'stale';
  /** Until it is stale, ms; 0 = it is. Left out where the store was not asked for it. */
  readonly ttlMs?: number;
  /** In this tier, where known. */
  readonly bytes?: number;
}

/** Some of them; `next` where there may be more. A page may be short, or empty, and have a next one. */
export interface EntriesPage {
  readonly entries: readonly EntrySummary[];
  readonly next?: string;
}

/** What a value is made of, without what it says. */
export type ValueShape =
  | { readonly type: 'string' | 'binary'; readonly length: number }
  | {
      readonly type: 'number' | 'boolean' | 'bigint' | 'date' | 'null' | 'undefined';
    }
  | { readonly type: 'list' | 'set'; readonly length: number; readonly first?: ValueShape }
  | { readonly type: 'map'; readonly length: number }
  | { readonly type: 'object'; readonly members: Readonly<Record<string, ValueShape>> }
  /** Below the depth that is looked at, or beyond the members that are. */
  | { readonly type: 'more' };

/** A key that warming has planned to load. */
export interface PlanEntry {
  readonly cache: string;
  readonly key: string;
  /** How likely it is used, in five steps. */
  readonly priority: 'critical' | 'high' | 'normal' | 'low' | 'background';
  /** Why: no tier has a value for it, or the one there is ends before the next round. */
  readonly reason: 'absent' | 'expiring';
}

/** The last plan of warming in this process, as far as its caller may see it. */
export interface WarmingPlan {
  /** Whether this process plans for all. Where another one does, the plan is of the time when this one did, or empty. */
  readonly leads: boolean;
  /** Until the next round of the job, ms. Left out where warming is off, or no round has begun. */
  readonly nextInMs?: number;
  /** In the order of the plan, 100 at most. */
  readonly entries: readonly PlanEntry[];
}

/** Something that works, and would work better, or more safely, another way. All codes: docs/advice.md. */
export interface Advice {
  /** What it is about. */
  readonly about: TierName | 'cache';
  /** Of what kind it is, in kebab-case: stable, for machines. One kind is told once of each tier. */
  readonly code: string;
  /** One sentence, and what to do: no address, no name, no password. */
  readonly says: string;
}

/** An option as the application runs with it; secrets, functions and clients are named and not shown. */
export type Setting =
  string | number | boolean | null | readonly Setting[] | { readonly [name: string]: Setting };
