/** How many loads warming may cost: earned by misses, spent on loads, one bucket a tenant. Pure. */

/** A bucket holds what is earned in so many ticks. */
const TICKS = 4;
/** Weight of the last tick in what is usually earned. */
const PACE = 0.2;
/** Ticks without a miss after which a tenant's bucket goes. */
const IDLE = 100;

export interface BudgetOptions {
  /** Loads earned by each miss that warming could have saved. */
  readonly share: number;
  /** Loads of a tick, of all tenants together. */
  readonly most: number;
}

interface Bucket {
  tokens: number;
  /** Misses since the last tick. */
  misses: number;
  /** What a tick earns usually. */
  usual: number;
  idle: number;
}

export class Budget {
  readonly #buckets = new Map<string, Bucket>();

  constructor(readonly options: BudgetOptions) {}

  /** A key that had been asked for before was not there, or would not have been without warming. */
  missed(tenant: string, times = 1): void {
    let bucket = this.#buckets.get(tenant);
    if (!bucket) this.#buckets.set(tenant, (bucket = { tokens: 0, misses: 0, usual: 0, idle: 0 }));
    bucket.misses += times;
  }

  /** Misses since the last tick, for another process to grant loads for. */
  takeMisses(): (readonly [tenant: string, misses: number])[] {
    const taken = [...this.#buckets].map(([tenant, { misses }]) => [tenant, misses] as const);
    this.#buckets.clear();
    return taken.filter(([, misses]) => misses > 0);
  }

  /** What each tenant may spend from now on, of a budget that is worth this share (0 … 1). */
  tick(factor: number): ReadonlyMap<string, number> {
    const grants = new Map<string, number>();
    for (const [tenant, bucket] of this.#buckets) {
      const earned = bucket.misses * this.options.share;
      bucket.idle = bucket.misses > 0 ? 0 : bucket.idle + 1;
      bucket.misses = 0;
      bucket.usual = bucket.usual === 0 ? earned : bucket.usual + PACE * (earned - bucket.usual);
      // What was saved up is worth no more than the moment: but one load can always be saved up.
      const most = Math.max(TICKS * bucket.usual * factor, 1);
      bucket.tokens = Math.min(bucket.tokens + earned * factor, most);
      if (bucket.idle > IDLE) this.#buckets.delete(tenant);
      else grants.set(tenant, bucket.tokens);
    }
    return this.#within(grants, Math.max(this.options.most * factor, 1));
  }

  spend(tenant: string, loads: number): void {
    const bucket = this.#buckets.get(tenant);
    if (bucket) bucket.tokens -= loads;
  }

  /**
   * All together get no more than a tick may cost: each the same share of what it has. What rounding leaves of that goes to those
   * who have saved most, one each: so of many tenants with one load each, all have their turn.
   */
  #within(grants: Map<string, number>, most: number): Map<string, number> {
    const all = [...grants.values()].reduce((sum, tokens) => sum + Math.floor(tokens), 0);
    const share = Math.min(1, most / Math.max(all, 1));
    const given = new Map<string, number>();
    for (const [tenant, tokens] of grants)
      given.set(tenant, Math.floor(Math.floor(tokens) * share));
    let left = Math.floor(Math.min(all, most)) - [...given.values()].reduce((sum, n) => sum + n, 0);
    for (const [tenant, tokens] of [...grants].sort(([, a], [, b]) => b - a)) {
      if (left <= 0) break;
      const one = given.get(tenant)!;
      if (one + 1 > tokens) continue;
      given.set(tenant, one + 1);
      left--;
    }
    return given;
  }
}
