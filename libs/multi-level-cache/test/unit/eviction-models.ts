/** Policies of eviction in the fewest words, on plain arrays of keys: what those of L1 are measured against. */

export interface PlainPolicy {
  enter(key: string): void;
  hit(key: string): void;
  leave(key: string): void;
  /** The key to go; it is in no queue any more. */
  victim(): string | undefined;
}

export class PlainLru implements PlainPolicy {
  #keys: string[] = [];

  enter(key: string): void {
    this.#keys.push(key);
  }

  hit(key: string): void {
    this.leave(key);
    this.enter(key);
  }

  leave(key: string): void {
    this.#keys = this.#keys.filter((one) => one !== key);
  }

  victim(): string | undefined {
    return this.#keys.shift();
  }
}

/** Oldest first in every queue. */
export class PlainS3Fifo implements PlainPolicy {
  small: string[] = [];
  main: string[] = [];
  ghost: string[] = [];
  /** Waits for the next one to come. */
  #newest: { key: string; queue: string[] } | undefined;
  readonly #hits = new Map<string, number>();

  enter(key: string): void {
    const known = this.ghost.includes(key);
    this.ghost = this.ghost.filter((one) => one !== key);
    if (this.#newest) this.#newest.queue.push(this.#newest.key);
    this.#newest = { key, queue: known ? this.main : this.small };
    this.#hits.set(key, 0);
  }

  hit(key: string): void {
    this.#hits.set(key, Math.min(3, this.#hits.get(key)! + 1));
  }

  leave(key: string): void {
    const waits = this.#newest?.key === key;
    if (waits ? this.#newest!.queue === this.main : this.main.includes(key)) this.#remember(key);
    if (waits) this.#newest = undefined;
    // In place, for the newest knows its queue.
    for (const queue of [this.small, this.main])
      if (queue.includes(key)) queue.splice(queue.indexOf(key), 1);
  }

  victim(): string | undefined {
    const share = Math.max(1, Math.round((this.small.length + this.main.length) / 10));
    if (this.small.length >= share) {
      const most = this.#mostGhosts();
      while (this.small.length > 0) {
        const key = this.small.shift()!;
        if (this.#hits.get(key)! < 2) {
          this.#remember(key, most);
          return key;
        }
        this.#hits.set(key, 0);
        this.main.push(key);
      }
    }
    while (this.main.length > 0) {
      const key = this.main.shift()!;
      const hits = this.#hits.get(key)!;
      if (hits === 0) return key;
      this.#hits.set(key, hits - 1);
      this.main.push(key);
    }
    const last = this.#newest?.key;
    if (last !== undefined) this.#newest = undefined;
    return last;
  }

  #mostGhosts(): number {
    const rows = this.small.length + this.main.length;
    return rows - Math.max(1, Math.round(rows / 10));
  }

  #remember(key: string, most = this.#mostGhosts()): void {
    this.ghost = this.ghost.filter((one) => one !== key);
    this.ghost.push(key);
    while (this.ghost.length > Math.max(most, 0)) this.ghost.shift();
  }
}
