/** Changes of one key each that come while others are under way, made as one: it takes one number and tells one message. */
import type { Clock } from '../core/clock.js';
import { CacheError } from '../core/errors.js';
import type { Address } from '../core/key.js';
import type { ApplyHow, Change } from '../core/tier.js';
import { Coalescer } from './coalescer.js';

type Keyed =
  | Extract<Change, { kind: 'set' }>
  | { readonly kind: 'delete'; readonly addresses: readonly Address[] };

interface Asked {
  readonly change: Keyed;
  readonly how: ApplyHow;
}

/** Neighbours that can be one change. */
type Run = Asked[];

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
  ) {
    this.#coalescer = new Coalescer((asked) => this.#send(asked), most);
  }

  apply(change: Change, how: ApplyHow): Promise<void> {
    return isSingle(change) && how.debt === undefined
      ? this.#coalescer.ask({ change, how }, true)
      : this.make(change, how);
  }

  async #send(asked: readonly Asked[]): Promise<readonly Promise<void>[]> {
    const now = this.clock.now();
    const made = new Map<Asked, Promise<void>>();
    const last = new Map<string, Promise<void>>();
    for (const run of runsOf(asked.filter((one) => untilOf(one) > now))) {
      const tenant = tenantOf(run[0]);
      const make = (): Promise<void> => this.make(merged(run), howOf(run));
      const before = last.get(tenant);
      const done = before ? before.then(make, make) : make();
      last.set(tenant, done);
      for (const one of run) made.set(one, done);
    }
    await Promise.allSettled(last.values());
    // Whose value comes too late owes a removal: it must not come after that. What removes is never too late.
    return asked.map((one) => made.get(one) ?? Promise.reject(tooLate()));
  }
}

/** A run of a tenant ends where its next change is of another kind, or is told otherwise. */
function runsOf(asked: readonly Asked[]): readonly Run[] {
  const runs: Run[] = [];
  const open = new Map<string, Run>();
  for (const one of asked) {
    const tenant = tenantOf(one);
    const run = open.get(tenant);
    if (run && areAlike(run[0], one)) run.push(one);
    else {
      const begun = [one];
      open.set(tenant, begun);
      runs.push(begun);
    }
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

function merged(run: Run): Keyed {
  const [{ change }] = run;
  if (run.length === 1) return change;
  const addresses = run.map((one) => one.change.addresses[0]);
  if (change.kind === 'delete') return { kind: 'delete', addresses };
  const entries = run.map(({ change: one }) => (one as typeof change).entries[0]);
  return { kind: 'set', addresses, entries };
}

/** The first to give up decides for all. */
function howOf(run: Run): ApplyHow {
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
