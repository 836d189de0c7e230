/** Warming of one application: what is told of accesses, the round of the scheduled job, warming by hand and after a restart. */
import type { Entry } from '../core/entry.js';
import type { EntryOptions } from '../core/entry-options.js';
import type { WarmingOptions } from '../core/options.js';
import type { Predictor } from '../core/predictor.js';
import type { Address, Scope } from '../core/key.js';
import type { Stored } from '../warming/access-record.js';
import { Budget } from '../warming/budget.js';
import type { HotKey, KeyRef } from '../warming/key-ref.js';
import { LearnedPredictor } from '../warming/learned-predictor.js';
import type { PlannedKey, Priority } from '../warming/plan.js';
import { Planner } from '../warming/planner.js';

import { EwmaPredictor } from '../warming/simple-predictors.js';
import { Throttle } from '../warming/throttle.js';
import { Warmer, type WarmReport, type WarmWork } from '../warming/warmer.js';
import type { CacheManager, KeyForecast, Loader } from './cache-manager.js';
import { inSlices } from './in-slices.js';
import type { Parts } from './parts.js';
import type { Answer } from './single-flight.js';
import { WarmCalls, type WarmCall } from './warm-calls.js';
import { WarmLeader } from './warm-leader.js';
import { WarmShelf, WARMING_CACHE } from './warm-shelf.js';
import { WarmingReadings } from './warming-readings.js';
import { WarmTally, type WarmingStats } from './warm-tally.js';

const IDLE = new EwmaPredictor(1);
/** Of decorated methods. */
const DEFAULT_CACHE = 'default';
/** Loads at a time of what somebody waits for. */
const URGENT_AT_A_TIME = 4;

/** What warming needs of a named cache. */
interface WarmCache extends Pick<CacheManager, 'get' | 'set' | 'getMany'> {
  scope(): Scope;
  address(key: string): Address;
  fresh(keys: readonly string[]): Promise<ReadonlyMap<string, Entry | undefined>>;
  ahead(
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
    force: boolean,
  ): Promise<Entry | undefined>;
}

export interface WarmingHost {
  readonly parts: Parts;
  cache(name: string): WarmCache;
  /** Runs `work` for a tenant; `p` = nobody's. */
  as<T>(tenant: string, work: () => T): T;
}

/** What `warm` was asked for by hand. */
export interface WarmByHand {
  readonly budget: number;
  readonly priority: Priority;
}

export class Warming {
  readonly calls = new WarmCalls();
  /** What the moment is like; a test may tell something else. */
  readings: Pick<WarmingReadings, 'take' | 'close'> | undefined;
  readonly leader: WarmLeader;
  readonly #planner: Planner;
  readonly #predictor: Predictor;
  readonly #budget: Budget;
  readonly #throttle = new Throttle();
  readonly #shelf: WarmShelf;
  readonly #warmer: Warmer;
  readonly #tally = new WarmTally();

  constructor(
    readonly host: WarmingHost,
    readonly options: WarmingOptions | false,
  ) {
    const { l1, l2, l3, random } = host.parts;
    // Switched off, nothing is told, and only warming by hand is left.
    this.#predictor = options ? (options.predictor ?? new LearnedPredictor()) : IDLE;
    this.#planner = new Planner(this.#predictor, { random });
    const { budget: most, share } = options || { budget: 0, share: 0 };
    this.#budget = new Budget({ most, share });
    this.#planner.precision.loads.onUsed = (id) => {
      const ref = this.#planner.record.refOf(id);
      if (ref) this.#budget.missed(ref.tenant);
    };
    const shelf = (): WarmCache => host.cache(WARMING_CACHE);
    this.leader = new WarmLeader(host.parts, () => host.as('p', () => shelf().address('leader')));
    this.#shelf = new WarmShelf(shelf, random);
    this.#warmer = new Warmer({
      fresh: (refs) => this.#fresh(refs),
      load: (ref, renew) => this.#load(ref, renew),
    });
    if (!options) return;
    this.readings = new WarmingReadings({ l2, l3 });
    if (l1) l1.onHits = (scope, key, hits, at) => this.#hits(scope, key, hits, at);
  }

  get accesses(): Planner['record'] {
    return this.#planner.record;
  }

  /** What was done so far. */
  stats(): WarmingStats {
    const { precision } = this.#planner;
    return {
      ...this.#tally.counts,
      used: precision.loads.used,
      wasted: precision.loads.total - precision.loads.used,
      leads: this.options !== false && this.leader.leads,
      budget: this.#throttle.factor * precision.factor,
      heldBackBy: [...this.#throttle.reasons, ...(precision.standsDown ? ['precision'] : [])],
    };
  }

  /** A method of the cache named `default` has loaded a key for whoever is calling, and can again. */
  record(method: string, call: WarmCall): void {
    const { tenant } = this.host.cache(DEFAULT_CACHE).scope();
    this.calls.record(method, { tenant, cache: DEFAULT_CACHE, key: call.key }, call);
  }

  /** A key was asked for that was not in memory. */
  asked(ref: KeyRef, answer: Answer | undefined): void {
    if (!this.options || ref.cache === WARMING_CACHE) return;
    const { record } = this.#planner;
    const id = record.asked(ref, 1, this.host.parts.clock.now());
    const loaded = answer?.by === 'loader' || answer?.by === 'stale';
    this.#tally.asked(loaded);
    if (id === undefined) return;
    if (loaded && record.freshUntil(id) > 0) this.#budget.missed(ref.tenant);
    if (answer?.entry && answer.by !== 'stale') record.stored(id, factsOf(answer.entry));
  }

  /** What the last life, or another instance, found hot, and what it had learned. */
  async recall(): Promise<void> {
    const [hot, model] = await this.#asNobody(() =>
      Promise.all([this.#shelf.hot(), this.#shelf.model()]),
    );
    this.accesses.merge(hot, this.host.parts.clock.now());
    this.#predictor.restore?.(model);
  }

  /** Fills memory with what was hot and the lower tiers have; runs no loader. */
  async refill(): Promise<void> {
    if (!this.options) return;
    await this.recall();
    await this.#fresh(this.accesses.top(this.host.parts.clock.now(), this.options.keys));
  }

  /** What is hot as far as this process and the kept list know. */
  async hotNow(wanted: (ref: KeyRef) => boolean): Promise<KeyRef[]> {
    await this.#count();
    const now = this.host.parts.clock.now();
    this.accesses.merge(await this.#asNobody(() => this.#shelf.hot()), now);
    return this.accesses.top(now, Infinity, wanted);
  }

  /** Keys in the order given. */
  warm(refs: readonly KeyRef[], { budget, priority }: WarmByHand): Promise<WarmReport> {
    const urgent = priority === 'critical' || priority === 'high';
    const factor = priority === 'low' || priority === 'background' ? this.#throttle.factor : 1;
    const most = factor < 1 && budget === Infinity ? refs.length : budget;
    return this.#run(
      refs.map((ref) => ({ ref })),
      Math.floor(most * factor),
      urgent ? URGENT_AT_A_TIME : this.#atATime,
    );
  }

  /**
   * Loads what was hot and is in no tier, once: when everything is missed, nothing has been earned yet. Of several instances one
   * does it.
   */
  start(): Promise<WarmReport | undefined> {
    if (!this.options) return Promise.resolve(undefined);
    const start = this.#start(this.options);
    this.host.parts.background.run(() => start);
    return start;
  }

  /** One round of the job. Closing waits for it as for other background work. */
  round(): Promise<WarmReport | undefined> {
    if (!this.options) return Promise.resolve(undefined);
    const round = this.#round(this.options);
    this.host.parts.background.run(() => round);
    return round;
  }

  /** What is known of a key, for `explain`. */
  about(ref: KeyRef): KeyForecast | undefined {
    const { clock } = this.host.parts;
    const id = this.options ? this.accesses.idOf(ref) : undefined;
    if (id === undefined || !this.options) return undefined;
    const now = clock.now();
    const { soon, within } = this.#planner.chancesOf(id, now, this.options.interval);
    return {
      lastAskedMs: now - this.accesses.lastAsked(id),
      askedSoon: soon,
      askedWithinTtl: within,
      canLoad: this.calls.can(ref),
      patterns: this.#predictor.patterns?.(id, now) ?? [],
    };
  }

  close(): void {
    this.leader.close();
    this.readings?.close();
  }

  get #atATime(): number {
    return this.options ? this.options.concurrency : 1;
  }

  async #round({ budget, interval, keys }: WarmingOptions): Promise<WarmReport> {
    const { clock } = this.host.parts;
    await this.#count();
    // What others have loaded comes into this process's memory as well, at no loader's cost; what is in no tier is found out.
    await this.#promote(keys);
    await this.leader.ask();
    if (this.readings) this.#throttle.tick(this.readings.take(this.#tally.take()));
    let planned: PlannedKey[] = [];
    if (this.leader.leads) {
      for (const [tenant, cache, key, count] of await this.#asNobody(() => this.#shelf.hear()))
        this.accesses.asked({ tenant, cache, key }, count, clock.now());
      planned = await this.#plan(interval);
    } else {
      const counts: HotKey[] = [];
      await inSlices(
        clock,
        this.#planner.observe(clock.now(), ({ cache, key, tenant }, count) =>
          counts.push([tenant, cache, key, count]),
        ),
      );
      await this.#asNobody(() => this.#shelf.tell(counts, interval));
    }
    const report = await this.#run(
      planned.map(({ reason, ref }) => ({ ref, renew: reason === 'expiring' })),
      budget,
      this.#atATime,
    );
    await this.#asNobody(() =>
      this.#shelf.keep(
        this.accesses.snapshot(clock.now(), keys),
        this.leader.leads ? this.#predictor.snapshot?.() : undefined,
      ),
    );
    return report;
  }

  async #start({ budget, keys }: WarmingOptions): Promise<WarmReport | undefined> {
    await this.leader.ask();
    if (!this.leader.leads) return undefined;
    const hot = this.accesses.top(this.host.parts.clock.now(), keys);
    const work = hot.filter((ref) => this.calls.can(ref)).map((ref) => ({ ref }));
    return this.#run(work, budget, this.#atATime);
  }

  async #plan(interval: number): Promise<PlannedKey[]> {
    const { clock, l1 } = this.host.parts;
    const factor = this.#throttle.factor * this.#planner.precision.factor;
    // Demand comes first: not even what was saved up is spent.
    if (factor === 0) return [];
    const full = l1?.full === true;
    const planned = await inSlices(
      clock,
      this.#planner.tick({
        now: clock.now(),
        interval,
        grants: this.#budget.tick(factor),
        held: (ref) => this.calls.can(ref) && (!full || this.#holds(ref)),
      }),
    );
    for (const { ref } of planned) this.#budget.spend(ref.tenant, 1);
    return planned;
  }

  async #promote(keys: number): Promise<void> {
    const full = this.host.parts.l1?.full === true;
    const hot = this.accesses.top(this.host.parts.clock.now(), keys);
    await this.#fresh(full ? hot.filter((ref) => this.#holds(ref)) : hot);
  }

  async #run(work: readonly WarmWork[], budget: number, atATime: number): Promise<WarmReport> {
    const report = await this.#warmer.warm(work, { budget, atATime });
    this.#tally.warmed(report);
    return report;
  }

  async #count(): Promise<void> {
    const { clock, l1 } = this.host.parts;
    if (l1 && this.options)
      await inSlices(
        clock,
        l1.takeHits((scope, key, hits, at) => this.#hits(scope, key, hits, at)),
      );
  }

  #hits({ cache, tenant }: Scope, key: string, hits: number, at: number): void {
    if (cache === WARMING_CACHE) return;
    this.#tally.hit(hits);
    this.accesses.asked({ tenant, cache, key }, hits, at);
  }

  async #fresh(refs: readonly KeyRef[]): Promise<readonly boolean[]> {
    const found = new Map<KeyRef, boolean>();
    const homes = new Map<string, KeyRef[]>();
    for (const ref of refs) {
      const home = `${ref.tenant}\u0000${ref.cache}`;
      const some = homes.get(home);
      if (some) some.push(ref);
      else homes.set(home, [ref]);
    }
    for (const some of homes.values()) {
      const { tenant, cache } = some[0];
      const keys = some.map(({ key }) => key);
      const fresh = await this.host.as(tenant, () => this.host.cache(cache).fresh(keys));
      for (const ref of some) {
        const is = fresh.has(ref.key);
        found.set(ref, is);
        const id = this.accesses.idOf(ref);
        if (id !== undefined && !is) this.accesses.gone(id);
        this.#stored(ref, fresh.get(ref.key));
      }
    }
    return refs.map((ref) => found.get(ref) === true);
  }

  async #load(ref: KeyRef, renew: boolean): Promise<boolean> {
    if (this.host.parts.closing.begun) return false;
    return this.host.as(ref.tenant, async () => {
      const call = this.calls.find(ref);
      if (!call) return false;
      const id = this.accesses.idOf(ref);
      const before = id === undefined ? 0 : this.accesses.freshUntil(id);
      const cache = this.host.cache(ref.cache);
      const entry = await cache.ahead(call.key, call.loader, call.options, renew);
      if (!entry) return false;
      this.#stored(ref, entry);
      if (id !== undefined) this.#planner.warmed(id, this.host.parts.clock.now(), before);
      return true;
    });
  }

  #stored(ref: KeyRef, entry: Entry | undefined): void {
    const id = entry && this.accesses.idOf(ref);
    if (entry && id !== undefined) this.accesses.stored(id, factsOf(entry));
  }

  #holds({ cache, key, tenant }: KeyRef): boolean {
    const scope = this.host.as(tenant, () => this.host.cache(cache).scope());
    return this.host.parts.l1?.holds(scope, key) === true;
  }

  #asNobody<T>(work: () => Promise<T>): Promise<T> {
    return this.host.as('p', work);
  }
}

function factsOf({ createdAt, freshUntil, loadMs, shape }: Entry): Stored {
  return { freshUntil, ttl: freshUntil - createdAt, loadMs, bytes: shape.bytes };
}
