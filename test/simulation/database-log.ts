/** A log of changes as a database keeps one: what of it survives a crash of the server, or has reached its replica. */
import type { Schedule } from './schedule.js';

type Change<D> = (data: D) => void;

/** What nobody waits for is safe after so long. */
const WRITER_MS = 600;

export class DatabaseLog<D> {
  data: D;
  #changes: { readonly at: number; readonly change: Change<D> }[] = [];
  /** So many changes survive a crash. */
  #safe = 0;

  constructor(
    readonly schedule: Schedule,
    readonly empty: () => D,
  ) {
    this.data = empty();
  }

  /** To be seen at once, whatever becomes of it. */
  write(change: Change<D>): void {
    this.#changes.push({ at: this.schedule.now, change });
    change(this.data);
  }

  /** @param safely - not to be seen by anybody before it is safe, and all before it. */
  commit(change: Change<D>, safely: boolean): void {
    this.write(change);
    if (safely) this.#safe = this.#changes.length;
  }

  /** What was not safe yet is lost, from some point on. */
  crash(): void {
    const { now, random } = this.schedule;
    const old = this.#changes.filter(({ at }) => at < now - WRITER_MS).length;
    const safe = Math.max(this.#safe, old);
    this.#keep(safe + Math.floor(random() * (this.#changes.length - safe + 1)));
  }

  /** All of the last `ms` is lost, safe or not. */
  lose(ms: number): void {
    this.#keep(this.#changes.filter(({ at }) => at < this.schedule.now - ms).length);
  }

  #keep(count: number): void {
    this.#changes = this.#changes.slice(0, count);
    this.#safe = count;
    this.data = this.empty();
    for (const { change } of this.#changes) change(this.data);
  }
}
