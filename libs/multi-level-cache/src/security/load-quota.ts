/** How many loads a tenant may begin: a bucket of tokens each, so that one tenant's misses leave the origin to the others. */
import type { Clock } from '../core/clock.js';

/** Tenants whose bucket is known; one that is forgotten begins with a full one. */
const MAX_TENANTS = 10_000;
const SECOND_MS = 1_000;

interface Bucket {
  tokens: number;
  at: number;
}

export class LoadQuota {
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    readonly clock: Clock,
    /** Loads a second, and at most so many at once. */
    readonly perSecond: number,
  ) {}

  /** Whether the tenant may begin a load now; if so, it has. */
  take(tenant: string): boolean {
    const now = this.clock.now();
    const bucket = this.#buckets.get(tenant) ?? this.#begin(tenant, now);
    const earned = ((now - bucket.at) * this.perSecond) / SECOND_MS;
    bucket.tokens = Math.min(bucket.tokens + earned, Math.max(this.perSecond, 1));
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #begin(tenant: string, at: number): Bucket {
    if (this.#buckets.size >= MAX_TENANTS) this.#buckets.delete(this.#buckets.keys().next().value!);
    const bucket = { tokens: Math.max(this.perSecond, 1), at };
    this.#buckets.set(tenant, bucket);
    return bucket;
  }
}
