/** What this process changed in a store lately: a store may lose what it has acknowledged last, and nobody else may know. */
import type { Change } from '../core/tier.js';

/** Longer than a replica is behind its master, or a log behind its server. */
const KEEP_MS = 10_000;
const MAX_CHANGES = 1_000;

interface Recent {
  readonly change: Change;
  readonly at: number;
}

/** Pure; bounded in time and number. */
export class RecentChanges {
  #changes: Recent[] = [];
  /** When the last one went for want of room. */
  #droppedAt = -Infinity;

  constructor(readonly limit = MAX_CHANGES) {}

  add(change: Change, now: number): void {
    while (this.#changes.length > 0 && now - this.#changes[0].at > KEEP_MS) this.#changes.shift();
    if (this.#changes.length >= this.limit) this.#droppedAt = this.#changes.shift()!.at;
    this.#changes.push({ change, at: now });
  }

  /** Oldest first. */
  all(now: number): readonly Change[] {
    this.#changes = this.#young(now);
    return this.#changes.map(({ change }) => change);
  }

  /** Nothing that is young enough was dropped. */
  complete(now: number): boolean {
    return now - this.#droppedAt > KEEP_MS;
  }

  #young(now: number): Recent[] {
    return this.#changes.filter(({ at }) => now - at <= KEEP_MS);
  }
}
