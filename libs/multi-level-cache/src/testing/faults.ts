/** The faults that calls of one kind meet: how often each strikes, and what comes instead of the call. */
import type { Clock } from '../core/clock.js';
import type { MaybePromise } from '../core/tier.js';

/** When a fault strikes. Nothing given: every call, until it is healed. */
export interface FaultOptions {
  /** Share of the calls that are hit, 0 to 1. @defaultValue 1 */
  readonly share?: number;
  /** So many calls are hit, and then no more. @defaultValue no limit */
  readonly times?: number;
}

export type FaultKind = 'slow' | 'fail' | 'hang' | 'lose';

interface Fault {
  readonly kind: FaultKind;
  readonly share: number;
  readonly ms: number;
  left: number;
}

export class Faults {
  #list: Fault[] = [];
  /** How many calls were hit. */
  struck = 0;
  readonly #hanging = new Set<() => void>();

  constructor(
    readonly clock: Clock,
    readonly random: () => number,
    readonly error: () => Error,
  ) {}

  /** In the place of an older one of its kind; `ms` is for what is slow. */
  set(kind: FaultKind, { share = 1, times = Infinity }: FaultOptions = {}, ms = 0): void {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`share is ${share}, and must be 0 to 1`);
    if (!(times >= 0)) throw new RangeError(`times is ${times}, and must be 0 or more`);
    if (!(ms >= 0)) throw new RangeError(`ms is ${ms}, and must be 0 or more`);
    const others = this.#list.filter((fault) => fault.kind !== kind);
    this.#list = [...others, { kind, share, ms, left: times }];
  }

  /** No fault any more; what hangs is rejected, as where a connection is cut in the end. */
  heal(): void {
    this.#list = [];
    for (const end of this.#hanging) end();
    this.#hanging.clear();
  }

  /** The call, or what a fault makes of it; without one nothing is added to it. */
  pass<T>(call: () => MaybePromise<T>, lost?: () => MaybePromise<T>): MaybePromise<T> {
    const fault = this.#draw(lost !== undefined);
    return fault ? this.#strike(fault, call, lost) : call();
  }

  /** One at most strikes a call: the first that is drawn, in the order in which they were set. */
  #draw(losable: boolean): Fault | undefined {
    for (const fault of this.#list) {
      if (fault.left <= 0 || (fault.kind === 'lose' && !losable)) continue;
      if (fault.share < 1 && this.random() >= fault.share) continue;
      fault.left--;
      this.struck++;
      return fault;
    }
    return undefined;
  }

  async #strike<T>(
    { kind, ms }: Fault,
    call: () => MaybePromise<T>,
    lost: (() => MaybePromise<T>) | undefined,
  ): Promise<T> {
    if (kind === 'fail') throw this.error();
    if (kind === 'slow') await new Promise<void>((resolve) => this.clock.after(ms, resolve));
    if (kind === 'hang')
      await new Promise((_resolve, reject) => this.#hanging.add(() => reject(this.error())));
    return kind === 'lose' && lost ? lost() : call();
  }
}
