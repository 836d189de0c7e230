/** What became of values that were loaded ahead: asked for before they expired, or not. Pure. */

/** Outcomes remembered. */
const MEMORY = 1_024;

interface Trial {
  /** From when on an access is one that the load has served: before, the old value would have. */
  readonly from: number;
  readonly until: number;
  used: boolean;
}

/** The last outcomes of something that was tried again and again. */
export class Trials {
  /** Outcomes known so far, and those of them that were of use. */
  total = 0;
  used = 0;
  /** Told of each that turns out to be of use. */
  onUsed: ((id: number) => void) | undefined;
  readonly #running = new Map<number, Trial>();
  readonly #last: boolean[] = [];

  begin(id: number, from: number, until: number): void {
    this.#end(id);
    this.#running.set(id, { from, until, used: false });
  }

  /** The key was asked for, the last time at `at`. */
  asked(id: number, at: number): void {
    const trial = this.#running.get(id);
    if (!trial || trial.used || at < trial.from || at >= trial.until) return;
    trial.used = true;
    this.onUsed?.(id);
  }

  /** What ends before `now` has its outcome. Call after everything until then was told. */
  settle(now: number): void {
    for (const [id, { until }] of this.#running) if (until <= now) this.#end(id);
  }

  forget(id: number): void {
    this.#running.delete(id);
  }

  /** Outcomes of the last `most`: how many there are, and the share that was of use. */
  recent(most = MEMORY): { readonly count: number; readonly share: number } {
    const last = this.#last.slice(-most);
    const used = last.filter(Boolean).length;
    return { count: last.length, share: last.length > 0 ? used / last.length : 0 };
  }

  #end(id: number): void {
    const trial = this.#running.get(id);
    if (!trial) return;
    this.#running.delete(id);
    this.total++;
    if (trial.used) this.used++;
    this.#last.push(trial.used);
    if (this.#last.length > 2 * MEMORY) this.#last.splice(0, MEMORY);
  }
}
