/** Types of the page's modules, kept apart from what browsers load. */
type Tick = import('./src/stream.js').Tick;
type TierTick = import('./src/snapshot.js').TierTick;
type CacheRow = import('./src/snapshot.js').CacheRow;
type Point = import('./src/ring.js').Point;
type FeedLine = import('./src/feed.js').FeedLine;
type Page = import('./src/entries.js').Page;
type Done = import('./src/actions.js').Done;
type TierName = import('nestjs-multi-level-cache').TierName;
type Explanation = import('nestjs-multi-level-cache').Explanation;
type TierExplanation = import('nestjs-multi-level-cache').TierExplanation;
type WarmingStats = import('nestjs-multi-level-cache').WarmingStats;

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
