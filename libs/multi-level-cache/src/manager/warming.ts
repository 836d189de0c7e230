/** Warming of one application: what is told of accesses, the round of the scheduled job, warming by hand and after a restart. */
import type { PlanEntry, WarmingPlan } from '../core/inspection.js';
import type { WarmingOptions } from '../core/options.js';
import type { Predictor } from '../core/predictor.js';
import { tenantName, type Scope } from '../core/key.js';
import type { EntryScope } from '../core/security.js';
import type { SpanFacts } from '../core/tracing.js';
import { Budget } from '../warming/budget.js';
import { hotKeyOf, nameOf, type HotKey, type KeyRef } from '../warming/key-ref.js';
import { LearnedPredictor } from '../warming/learned-predictor.js';
import type { PlannedKey, Priority } from '../warming/plan.js';
import { Planner } from '../warming/planner.js';
import { EwmaPredictor } from '../warming/simple-predictors.js';
import { Throttle } from '../warming/throttle.js';
import { Warmer, type WarmReport, type WarmWork } from '../warming/warmer.js';
import type { KeyForecast } from './cache-manager.js';
import { inSlices } from './in-slices.js';
import type { Answer } from './single-flight.js';
import { WarmCalls, type WarmCall } from './warm-calls.js';
import { WarmLeader } from './warm-leader.js';
import { factsOf, WarmLoads, type WarmCache, type WarmingHost } from './warm-loads.js';
import { WarmShelf, WARMING_CACHE } from './warm-shelf.js';
import { WarmingReadings } from './warming-readings.js';
import { WarmTally, type WarmingStats } from './warm-tally.js';

const PUBLIC = { tenant: tenantName(undefined) };
/** Of decorated methods. */
const DEFAULT_CACHE = 'default';
/** Loads at a time of what somebody waits for. */
const URGENT_AT_A_TIME = 4;
/** Of a plan that is shown: more than that nobody reads. */
const SHOWN = 100;

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
  readonly #loads: WarmLoads;
  readonly #warmer: Warmer;
  readonly #tally = new WarmTally();
  /** The last plan, by number of key. */
  #planned = new Map<number, PlannedKey>();
  /** When the last round began. */
  #began: number | undefined;

  constructor(
    readonly host: WarmingHost,
    readonly options: WarmingOptions | false,
  ) {
    const { l1, l2, l3, random } = host.parts;
    // Switched off, nothing is told, and only warming by hand is left.
    this.#predictor = options
      ? (options.predictor ?? new LearnedPredictor())
      : new EwmaPredictor(1);
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
    this.#loads = new WarmLoads(host, this.calls, this.#planner);
    this.#warmer = new Warmer(this.#loads);
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
      leads: this.#leads,
      budget: this.#throttle.factor * precision.factor,
      heldBackBy: [...this.#throttle.reasons, ...(precision.standsDown ? ['precision'] : [])],
    };
  }

  /** A method of the cache named `default` has loaded a key for whoever is calling, and can again; a user's own it cannot. */
  record(method: string, call: WarmCall, of?: EntryScope): void {
    if (of === 'user') return;
    const { tenant } = of === 'public' ? PUBLIC : this.host.cache(DEFAULT_CACHE).scope();
    this.calls.record(method, { tenant, cache: DEFAULT_CACHE, key: call.key }, call);
  }

  /** A key was asked for that was not in memory. */
  asked(ref: KeyRef, answer: Answer | undefined): void {
    if (!this.options || ref.cache === WARMING_CACHE) return;
    const { record } = this.#planner;
    const id = record.asked(ref, 1, this.host.parts.clock.coarse());
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
    await this.#loads.fresh(await this.#hottest(this.options.keys));
  }

  /** What is hot as far as this process and the kept list know. */
  async hotNow(wanted: (ref: KeyRef) => boolean): Promise<KeyRef[]> {
    await this.#count();
    const kept = await this.#asNobody(() => this.#shelf.hot());
    this.accesses.merge(kept, this.host.parts.clock.now());
    return this.#hottest(Infinity, wanted);
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
    const planned = this.#planned.get(id);
    return {
      lastAskedMs: now - this.accesses.lastAsked(id),
      askedSoon: soon,
      askedWithinTtl: within,
      canLoad: this.calls.can(ref),
      patterns: this.#predictor.patterns?.(id, now) ?? [],
      ...(planned &&
        nameOf(planned.ref) === nameOf(ref) && {
          planned: { priority: planned.priority, reason: planned.reason },
        }),
    };
  }

  /** The last plan: keys of that tenant, in caches that may be shown. */
  lastPlan(of: string, shows: (cache: string) => boolean): WarmingPlan {
    const entries: PlanEntry[] = [];
    for (const { priority, reason, ref } of this.#planned.values()) {
      const { cache, key, tenant } = ref;
      if (tenant !== of || !shows(cache)) continue;
      if (entries.push({ cache, key, priority, reason }) === SHOWN) break;
    }
    const nextInMs = this.#nextInMs;
    return { leads: this.#leads, ...(nextInMs !== undefined && { nextInMs }), entries };
  }

  close(): void {
    this.leader.close();
    this.readings?.close();
  }

  get #leads(): boolean {
    return this.options !== false && this.leader.leads;
  }

  /** The job ticks evenly, and passes over a tick while a round is under way. */
  get #nextInMs(): number | undefined {
    if (!this.options || this.#began === undefined) return undefined;
    const { interval } = this.options;
    const since = Math.max(this.host.parts.clock.now() - this.#began, 0);
    return Math.ceil(interval - (since % interval));
  }

  get #atATime(): number {
    return this.options ? this.options.concurrency : 1;
  }

  async #round({ budget, interval, keys }: WarmingOptions): Promise<WarmReport> {
    const { clock } = this.host.parts;
    this.#began = clock.now();
    await this.#count();
    // What others have loaded comes into this process's memory as well, at no loader's cost; what is in no tier is found out.
    await this.#promote(keys);
    await this.leader.ask();
    if (this.readings) this.#throttle.tick(this.readings.take(this.#tally.take()));
    let planned: PlannedKey[] = [];
    if (this.leader.leads) {
      await this.#hear();
      planned = await this.#plan(interval);
    } else await this.#tell(interval);
    const report = await this.#run(
      planned.map(({ reason, ref }) => ({ ref, renew: reason === 'expiring' })),
      budget,
      this.#atATime,
    );
    const hot = await inSlices(clock, this.accesses.hottest(clock.now(), keys));
    await this.#asNobody(() =>
      this.#shelf.keep(
        hot.map(([ref, count]) => hotKeyOf(ref, count)),
        this.leader.leads ? this.#predictor.snapshot?.() : undefined,
      ),
    );
    return report;
  }

  /** What was asked for and missed in other processes since the last round. */
  async #hear(): Promise<void> {
    const now = this.host.parts.clock.now();
    const { counts, misses } = await this.#asNobody(() => this.#shelf.hear());
    for (const [tenant, cache, key, count] of counts)
      this.accesses.asked({ tenant, cache, key }, count, now);
    for (const [tenant, times] of misses) this.#budget.missed(tenant, times);
  }

  async #tell(interval: number): Promise<void> {
    const { clock } = this.host.parts;
    const counts: HotKey[] = [];
    const told = (ref: KeyRef, count: number): void => void counts.push(hotKeyOf(ref, count));
    await inSlices(clock, this.#planner.observe(clock.now(), told));
    const misses = this.#budget.takeMisses();
    await this.#asNobody(() => this.#shelf.tell({ counts, misses }, interval));
  }

  async #start({ budget, keys }: WarmingOptions): Promise<WarmReport | undefined> {
    await this.leader.ask();
    if (!this.leader.leads) return undefined;
    const hot = await this.#hottest(keys);
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
        mayLoad: (ref) => this.calls.can(ref) && (!full || this.#loads.holds(ref)),
      }),
    );
    for (const { ref } of planned) this.#budget.spend(ref.tenant, 1);
    this.#planned = new Map(planned.map((one) => [one.id, one]));
    return planned;
  }

  async #promote(keys: number): Promise<void> {
    const full = this.host.parts.l1?.full === true;
    const hot = await this.#hottest(keys);
    await this.#loads.fresh(full ? hot.filter((ref) => this.#loads.holds(ref)) : hot);
  }

  async #run(work: readonly WarmWork[], budget: number, atATime: number): Promise<WarmReport> {
    const { clock, events, tracing } = this.host.parts;
    const began = clock.now();
    const run = (): Promise<WarmReport> => this.#warmer.warm(work, { budget, atATime });
    const told = ({ planned, loaded }: WarmReport): SpanFacts => ({
      planned,
      loaded,
      skipped: planned - loaded,
    });
    // Most rounds have nothing to do, and are not worth a trace.
    const report = work.length === 0 ? await run() : await tracing.inside('warm', {}, run, told);
    this.#tally.warmed(report);
    if (report.planned > 0 && events.has('warmed')) {
      const { entries: _entries, ...counts } = report;
      events.emit('warmed', { ...counts, durationMs: clock.now() - began });
    }
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

  #hits({ cache, subject, tenant }: Scope, key: string, hits: number, at: number): void {
    if (cache === WARMING_CACHE || subject !== undefined) return;
    this.#tally.hit(hits);
    this.accesses.asked({ tenant, cache, key }, hits, at);
  }

  async #hottest(most: number, wanted?: (ref: KeyRef) => boolean): Promise<KeyRef[]> {
    const { clock } = this.host.parts;
    const hot = await inSlices(clock, this.accesses.hottest(clock.now(), most, wanted));
    return hot.map(([ref]) => ref);
  }

  #asNobody<T>(work: () => Promise<T>): Promise<T> {
    return this.host.as('p', work);
  }
}
