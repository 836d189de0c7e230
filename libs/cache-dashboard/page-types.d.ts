/** Types of the page's modules, kept apart from what browsers load. */
import type * as cache from 'nestjs-multi-level-cache';
import type * as actions from './src/actions.js';
import type * as entries from './src/entries.js';
import type * as feed from './src/feed.js';
import type * as ring from './src/ring.js';
import type * as snapshot from './src/snapshot.js';
import type * as stream from './src/stream.js';

declare global {
  type Tick = stream.Tick;
  type TierTick = snapshot.TierTick;
  type CacheRow = snapshot.CacheRow;
  type Point = ring.Point;
  type FeedLine = feed.FeedLine;
  type Page = entries.Page;
  type Done = actions.Done;
  type TierName = cache.TierName;
  type Explanation = cache.Explanation;
  type TierExplanation = cache.TierExplanation;
  type WarmingStats = cache.WarmingStats;
  /** The plan, or why there is none. */
  interface PlanAnswer extends cache.WarmingPlan {
    readonly message?: string;
  }

  /** What may be put into an element. */
  type Child = string | number | Node | null | undefined | false;
  /** Of an element; `on…` are listeners. */
  type Attributes = Record<
    string,
    string | number | boolean | null | undefined | ((event: Event) => unknown)
  >;
  /** Requests by who answered, as in `WHO`. */
  type Who = readonly number[];
  /** What is written into the address of a view. */
  type Query = Record<string, string>;
  /** Which keys are looked at. */
  type Where = { tier: string; cache: string; prefix: string };
  /** Which key is explained. */
  type Asked = { cache: string; scope: string; key: string };
  /** A place on the page. */
  type Anchor = { id: string; x: number; y: number };
  type View = { draw?: () => unknown; leave?: () => void };
}
