// One replay of a trace: requests find their key in L1 or load it; every tick the planner says what is loaded ahead.
import { seeded } from '../../test/support/random.mjs';
import { Address, Scope } from '../../libs/multi-level-cache/dist/core/key.js';
import { createEntry } from '../../libs/multi-level-cache/dist/core/entry.js';
import { MemoryTier } from '../../libs/multi-level-cache/dist/tiers/memory/memory-tier.js';
import { Planner } from '../../libs/multi-level-cache/dist/warming/planner.js';

/** Requests before this share of the trace are not counted; whoever learns learns from them. */
const SCORED_FROM = 0.3;
/** A bucket holds what so many ticks earn, and at least one load. */
const BUCKET_TICKS = 4;
/** Without a request for so many times to live, nobody is there to load for. */
const IDLE_LIVES = 2;

export function replay({ keys, times }, bounds, how) {
  const run = new Run(bounds, how);
  const scoredFrom = Math.floor(keys.length * SCORED_FROM);
  let next = times[0] + bounds.tickMs;
  for (let at = 0; at < keys.length; at++) {
    run.scored = at >= scoredFrom;
    for (; next <= times[at]; next += bounds.tickMs) run.tick(next);
    run.request(keys[at], times[at]);
  }
  const ticks = (times.at(-1) - times[scoredFrom]) / bounds.tickMs;
  return { ...run.counts, requests: keys.length - scoredFrom, ticks };
}

class Run {
  counts = { misses: 0, cold: 0, loads: 0, useful: 0, idleLoads: 0 };
  scored = false;
  #now = 0;
  #lastRequest = -Infinity;
  #clock = {
    now: () => this.#now,
    coarse: () => this.#now,
    after: () => ({ cancel: () => undefined }),
  };
  #l1;
  #scope = new Scope('bench', 'p', 'default');
  #partition;
  #ttl;
  #interval;
  #planner;
  #how;
  #tokens = 0;
  #addresses = new Map();
  /** Values loaded ahead that have not served a request yet. */
  #unused = new Map();

  constructor({ entries, tickMs, ttlMs }, how) {
    const maxEntries = entries ?? 10_000_000;
    this.#l1 = new MemoryTier(
      { maxEntries, maxSize: 2 ** 40, keepStale: false },
      this.#clock,
      () => ({ used: 0, limit: 2 ** 40 }),
    );
    this.#partition = this.#l1.partition(this.#scope);
    this.#ttl = ttlMs;
    this.#interval = tickMs;
    this.#how = how;
    if (how) this.#planner = new Planner(how.predictor, { ...how.planner, random: seeded(1) });
  }

  request(key, now) {
    this.#now = this.#lastRequest = now;
    const known = this.#address(key);
    const unused = this.#unused.get(key);
    if (unused && now >= unused.from) {
      this.#unused.delete(key);
      if (now < unused.until && unused.scored && this.#held(key)) this.counts.useful++;
    }
    const id = this.#planner?.record.asked(known.ref, 1, now);
    if (this.#l1.hit(this.#partition, key) !== 0) return;
    if (this.scored) {
      this.counts.misses++;
      if (!known.seen) this.counts.cold++;
    }
    known.seen = true;
    this.#unused.delete(key);
    this.#store(key, id);
  }

  tick(now) {
    const planner = this.#planner;
    if (!planner) return;
    this.#now = now;
    const { backsOff = true, perTick, predictor } = this.#how;
    const factor = backsOff ? planner.precision.factor : 1;
    const most = Math.max(BUCKET_TICKS * perTick * factor, 1);
    this.#tokens = Math.min(this.#tokens + perTick * factor, most);
    if (predictor.meet)
      for (let id = 0; id < planner.record.end; id++)
        predictor.meet(id, planner.record.refOf(id)?.key, planner.record.freshUntil(id));
    const { full } = this.#l1;
    const steps = planner.tick({
      now,
      interval: this.#interval,
      grants: new Map([['p', Math.floor(this.#tokens)]]),
      mayLoad: full ? ({ key }) => this.#l1.holds(this.#scope, key) : undefined,
    });
    let step = steps.next();
    while (!step.done) step = steps.next();
    for (const { id, ref } of step.value) {
      this.#tokens--;
      if (this.scored) this.counts.loads++;
      if (now - this.#lastRequest > IDLE_LIVES * this.#ttl) this.counts.idleLoads++;
      const until = planner.record.freshUntil(id);
      planner.warmed(id, now, until);
      this.#unused.set(ref.key, {
        from: Math.max(now, until),
        until: now + this.#ttl,
        scored: this.scored,
      });
      this.#store(ref.key, id);
    }
  }

  #store(key, id) {
    const entry = createEntry(1, { ttl: this.#ttl, grace: 0, tags: [] }, this.#now, 1, false);
    const { address } = this.#address(key);
    void this.#l1.apply({ kind: 'set', addresses: [address], entries: [entry] });
    if (id !== undefined)
      this.#planner?.record.stored(id, {
        freshUntil: this.#now + this.#ttl,
        ttl: this.#ttl,
        loadMs: 1,
        bytes: 1,
      });
  }

  #held(key) {
    return this.#l1.inspect(this.#address(key).address)?.state === 'fresh';
  }

  #address(key) {
    let known = this.#addresses.get(key);
    if (!known) {
      const ref = { tenant: 'p', cache: 'default', key };
      known = { address: new Address(this.#scope, key), ref, seen: false };
      this.#addresses.set(key, known);
    }
    return known;
  }
}
