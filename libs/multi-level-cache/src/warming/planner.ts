/** Makes a plan every tick: moves what was counted to the predictor, finds the candidates of each tenant, scores and orders them. Pure. */
import { AccessRecord } from './access-record.js';
import type { KeyRef } from './key-ref.js';
import { plan, type Candidate, type PlannedKey } from './plan.js';
import { CONTROLS, Precision } from './precision.js';
import { highest } from './select.js';
import type { Chances, Predictor } from '../core/predictor.js';

/** Candidates are scored that are asked for most, so many for each load, and at least so many. */
const SHORTLIST = 8;
const SHORTEST = 64;
/** No key of a tenant was asked for in so many lives of a key: nobody is there. */
const SILENT_LIVES = 2;
/** Keys told or scored between two looks at the time, and keys only looked at. */
const AT_A_TIME = 256;
const LOOKS_AT_A_TIME = 2_048;
/** Keys this unlikely to be used are left alone. */
const LEAST_CHANCE = 0.02;

/** What the moment is like. */
export interface Tick {
  readonly now: number;
  /** Until the next one, ms. */
  readonly interval: number;
  /** Loads each tenant may have. */
  readonly grants: ReadonlyMap<string, number>;
  /**
   * Which keys may be loaded: those somebody can load, and while memory is full, where what comes in pushes something out, only
   * those it holds. @defaultValue all
   */
  readonly mayLoad?: ((ref: KeyRef) => boolean) | undefined;
}

export interface PlannerOptions {
  readonly limit?: number;
  /** Of the count by which keys keep their place, ms. */
  readonly halfLifeMs?: number;
  /** Candidates scored for each load. @defaultValue 8 */
  readonly shortlist?: number;
  /** Below it a key is left alone. @defaultValue 0.02 */
  readonly leastChance?: number;
  /** 0 ≤ n < 1: which keys are compared with. */
  readonly random: () => number;
}

interface Tenant {
  readonly candidates: number[];
  lastAsked: number;
}

export class Planner {
  readonly record: AccessRecord;
  readonly precision = new Precision();
  /** Written anew for each key. */
  readonly #chances: Chances = { soon: 0, within: 0 };

  constructor(
    readonly predictor: Predictor,
    readonly options: PlannerOptions,
  ) {
    this.record = new AccessRecord(
      {
        begin: (id, group, now) => predictor.begin(id, group, now),
        forget: (id) => {
          predictor.forget(id);
          this.precision.forget(id);
        },
      },
      options.limit,
      options.halfLifeMs,
    );
  }

  /** The key's value was loaded ahead; the one it had was fresh until `until`. */
  warmed(id: number, now: number, until: number): void {
    const ttl = this.record.ttl(id);
    this.precision.loads.begin(id, Math.max(now, until), now + ttl);
  }

  chancesOf(id: number, now: number, soon: number): Readonly<Chances> {
    const into = { soon: 0, within: 0 };
    this.predictor.score(id, { now, soon, ttl: this.record.ttl(id) }, into);
    return into;
  }

  /** Moves what was counted to the predictor, and passes it on; a plan begins with it. */
  *observe(now: number, tell?: (ref: KeyRef, count: number) => void): Generator<void, void> {
    const { predictor, record } = this;
    const told = (id: number, count: number, at: number): void => {
      predictor.observe(id, count, at, record.ttl(id));
      this.precision.asked(id, at);
      tell?.(record.refOf(id)!, count);
    };
    // What is asked for meanwhile may wait for the next plan.
    for (let left = record.size; record.take(told, AT_A_TIME) && left > 0; left -= AT_A_TIME) yield;
    yield;
    this.precision.settle(now);
    yield;
    yield* record.tidy(now);
    yield;
  }

  /** In steps of a few hundred keys each: whoever drives it may let others run between two of them. */
  *tick({ grants, interval, mayLoad, now }: Tick): Generator<void, PlannedKey[]> {
    const { predictor, record } = this;
    yield* this.observe(now);
    const tenants = yield* this.#tenants(now, interval);
    yield;
    const all = [...tenants.values()].flatMap(({ candidates }) => candidates);
    this.#compare(all, now);
    yield;
    if (record.end > 0)
      predictor.learn?.({
        now,
        soon: interval,
        candidates: all,
        any: (random) => record.any(random),
        ttlOf: (id) => record.ttl(id),
      });
    yield;
    const leastChance = this.options.leastChance ?? LEAST_CHANCE;
    const planned: PlannedKey[] = [];
    for (const [name, tenant] of tenants) {
      const tokens = grants.get(name) ?? 0;
      if (tokens < 1) continue;
      const scored: Candidate[] = [];
      const likely = yield* this.#shortlist(tenant, { mayLoad, now, tokens });
      for (const [index, id] of likely.entries()) {
        const candidate = this.#score(id, now, interval, leastChance);
        if (candidate) scored.push(candidate);
        if (index % AT_A_TIME === AT_A_TIME - 1) yield;
      }
      planned.push(...plan(scored, { tokens, leastChance }));
      yield;
    }
    return planned;
  }

  *#tenants(now: number, interval: number): Generator<void, Map<string, Tenant>> {
    const { record } = this;
    const tenants = new Map<string, Tenant>();
    for (let id = 0; id < record.end; id++) {
      if (id % LOOKS_AT_A_TIME === LOOKS_AT_A_TIME - 1) yield;
      const ref = record.refOf(id);
      if (!ref) continue;
      let tenant = tenants.get(ref.tenant);
      if (!tenant) tenants.set(ref.tenant, (tenant = { candidates: [], lastAsked: 0 }));
      tenant.lastAsked = Math.max(tenant.lastAsked, record.lastAsked(id));
      if (record.freshUntil(id) < now + interval) tenant.candidates.push(id);
    }
    return tenants;
  }

  /** What would have become of a few others, had they been loaded. */
  #compare(candidates: readonly number[], now: number): void {
    if (candidates.length === 0) return;
    for (let taken = 0; taken < CONTROLS; taken++) {
      const id = candidates[Math.floor(this.options.random() * candidates.length)];
      const from = Math.max(now, this.record.freshUntil(id));
      this.precision.controls.begin(id, from, now + this.record.ttl(id));
    }
  }

  *#shortlist(
    { candidates, lastAsked }: Tenant,
    { mayLoad, now, tokens }: { mayLoad: Tick['mayLoad']; now: number; tokens: number },
  ): Generator<void, readonly number[]> {
    const { record } = this;
    const wanted: number[] = [];
    for (const [index, id] of candidates.entries()) {
      // Whoever is asked may have to look at patterns, or into memory.
      if (index % AT_A_TIME === AT_A_TIME - 1) yield;
      if (now - lastAsked > SILENT_LIVES * record.ttl(id)) continue;
      if (!mayLoad || mayLoad(record.refOf(id)!)) wanted.push(id);
    }
    const most = Math.max((this.options.shortlist ?? SHORTLIST) * tokens, SHORTEST);
    if (wanted.length <= most) return wanted;
    yield;
    const lately = atLeast(wanted, most / 2, (id) => record.recentOf(id, now));
    yield;
    const everSince = atLeast(wanted, most / 2, (id) => record.countOf(id, now));
    yield;
    return [...new Set([...lately, ...everSince])];
  }

  /** Most are unlikely, and nothing is made of them. */
  #score(id: number, now: number, interval: number, leastChance: number): Candidate | undefined {
    const { predictor, record } = this;
    const ttl = record.ttl(id);
    predictor.score(id, { now, soon: interval, ttl }, this.#chances);
    const { soon, within } = this.#chances;
    if (within <= 0 || within < leastChance) return undefined;
    return {
      id,
      ref: record.refOf(id)!,
      soon,
      within,
      left: Math.max(record.freshUntil(id) - now, 0),
      ttl,
      loadMs: record.loadMs(id),
      bytes: record.bytes(id),
    };
  }
}

/** So many ids with the highest figures. */
function atLeast(ids: readonly number[], most: number, figure: (id: number) => number): number[] {
  const figures = new Float64Array(ids.length);
  ids.forEach((id, index) => {
    figures[index] = figure(id);
  });
  return highest(figures, most)
    .slice(0, most)
    .map((place) => ids[place]);
}
