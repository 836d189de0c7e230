/** Changes of one key each that come while others are under way, made as one: it takes one number and tells one message. */
import type { Clock } from '../core/clock.js';
import { CacheError } from '../core/errors.js';
import type { Address } from '../core/key.js';
import type { ApplyHow, Asker, Change, MaybePromise } from '../core/tier.js';
import { Coalescer } from './coalescer.js';

type Keyed =
  | Extract<Change, { kind: 'set' }>
  | { readonly kind: 'delete'; readonly addresses: readonly Address[] };

interface Asked {
  readonly change: Keyed;
  readonly how: ApplyHow;
  /** What it has become a part of; left out: it came too late. */
  run: Run | undefined;
}

/** Neighbours that can be one change. */
class Run {
  readonly asked: Asked[] = [];
  failure: Error | undefined = undefined;
}

/**
 * Written by many callers, a store is asked once for all that gather. They are concurrent, so that any order is right; the order in which
 * the keys of a tenant were asked for is kept all the same, for not everybody waits for a write before the next one.
 */
export class GatheredChanges {
  readonly #coalescer: Coalescer<Asked, void>;

  constructor(
    readonly make: (change: Change, how: ApplyHow) => Promise<void>,
    readonly clock: Clock,
    /** Keys of one change. */
    readonly most: number,
    /** Of many one half is made while the store is at work on the other: where it makes them in the order in which it gets them. */
    readonly halves: boolean,
  ) {
    this.#coalescer = new Coalescer((asked) => this.#send(asked), most);
  }

  apply(change: Change, how: ApplyHow): Promise<void> {
    return new Promise((answered, failed) => this.take(change, how, { answered, failed }));
  }

  take(change: Change, how: ApplyHow, asker: Asker<void>): void {
    if (isSingle(change) && how.debt === undefined)
      this.#coalescer.tell({ change, how, run: undefined }, asker, !this.halves);
    else
      this.make(change, how).then(
        () => asker.answered(),
        (error: unknown) => asker.failed(error),
      );
  }

  async #send(asked: readonly Asked[]): Promise<readonly MaybePromise<void>[]> {
    const runs = runsOf(asked, this.clock.now());
    const last = new Map<string, Promise<void>>();
    for (const run of runs) {
      const tenant = tenantOf(run.asked[0]);
      const before = last.get(tenant);
      last.set(tenant, before ? before.then(() => this.#make(run)) : this.#make(run));
    }
    await Promise.all(last.values());
    return asked.map(outcomeOf);
  }

  /** Comes to its end in any case: the next run of the tenant goes on. */
  async #make(run: Run): Promise<void> {
    try {
      await this.make(merged(run.asked), howOf(run.asked));
    } catch (error) {
      run.failure = error as Error;
    }
  }
}

// Whose value comes too late owes a removal: it must not come after that. What removes is never too late.
function outcomeOf({ run }: Asked): MaybePromise<void> {
  if (run && !run.failure) return undefined;
  return Promise.reject(run?.failure ?? tooLate());
}

/** A run of a tenant ends where its next change is of another kind, or is told otherwise. */
function runsOf(asked: readonly Asked[], now: number): readonly Run[] {
  const runs: Run[] = [];
  const open = new Map<string, Run>();
  for (const one of asked) {
    if (untilOf(one) <= now) continue;
    const tenant = tenantOf(one);
    let run = open.get(tenant);
    if (!run || !areAlike(run.asked[0], one)) {
      open.set(tenant, (run = new Run()));
      runs.push(run);
    }
    run.asked.push(one);
    one.run = run;
  }
  return runs;
}

function areAlike(one: Asked, other: Asked): boolean {
  return (
    one.change.kind === other.change.kind &&
    one.how.quiet === other.how.quiet &&
    one.how.trace === other.how.trace
  );
}

function isSingle(change: Change): change is Keyed {
  return (change.kind === 'set' || change.kind === 'delete') && change.addresses.length === 1;
}

function merged(run: readonly Asked[]): Keyed {
  const [{ change }] = run;
  if (run.length === 1) return change;
  const addresses = run.map((one) => one.change.addresses[0]);
  if (change.kind === 'delete') return { kind: 'delete', addresses };
  const entries = run.map(({ change: one }) => (one as typeof change).entries[0]);
  return { kind: 'set', addresses, entries };
}

/** The first to give up decides for all. */
function howOf(run: readonly Asked[]): ApplyHow {
  return { ...run[0].how, until: Math.min(...run.map(untilOf)) };
}

function untilOf({ change, how: { until = Infinity } }: Asked): number {
  return change.kind === 'set' ? until : Infinity;
}

function tenantOf({ change }: Asked): string {
  return change.addresses[0].scope.tenant;
}

function tooLate(): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', 'the store takes changes too slowly');
}
