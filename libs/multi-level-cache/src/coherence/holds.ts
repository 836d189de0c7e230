/** Keys that somebody is writing right now: until the writer is done, or its time is up, memory takes nothing for them. */

/** A guard whose writer is gone ends after this time by itself. */
export const GUARD_MS = 5_000;

const MAX_KEYS = 10_000;

/** Two writers may hold one key; each ends its own hold only. Pure counting, no timers. */
export class Holds {
  readonly #byKey = new Map<string, Map<string, number>>();
  /** Too many to tell apart: until then everything is held. */
  #allUntil = 0;

  constructor(readonly limit = MAX_KEYS) {}

  hold(scope: string, key: string, id: string, until: number, now: number): void {
    if (this.#byKey.size >= this.limit) this.#make(now);
    const name = nameOf(scope, key);
    const held = this.#byKey.get(name) ?? new Map<string, number>();
    this.#byKey.set(name, held.set(id, until));
  }

  free(scope: string, key: string, id: string): void {
    const name = nameOf(scope, key);
    const held = this.#byKey.get(name);
    if (held?.delete(id) && held.size === 0) this.#byKey.delete(name);
  }

  /** Something is held, or was lately: else no clock need be read. */
  get some(): boolean {
    return this.#byKey.size > 0 || this.#allUntil > 0;
  }

  has(scope: string, key: string, now: number): boolean {
    if (now < this.#allUntil) return true;
    if (this.#byKey.size === 0) return false;
    const held = this.#byKey.get(nameOf(scope, key));
    return held !== undefined && latest(held) > now;
  }

  /** Room: what is over goes, and if nothing is, all of it becomes one. */
  #make(now: number): void {
    for (const [name, held] of this.#byKey) if (latest(held) <= now) this.#byKey.delete(name);
    if (this.#byKey.size < this.limit) return;
    for (const held of this.#byKey.values())
      this.#allUntil = Math.max(this.#allUntil, latest(held));
    this.#byKey.clear();
  }
}

function latest(held: ReadonlyMap<string, number>): number {
  return Math.max(...held.values());
}

function nameOf(scope: string, key: string): string {
  return `${scope}\u0000${key}`;
}
