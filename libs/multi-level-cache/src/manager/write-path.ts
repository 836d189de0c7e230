/** THE write flow, and what other processes' writes do here: L1, then L3, L2 with its announcement, and L1 again. */
import { randomBytes } from 'node:crypto';
import { localChange, removal } from '../core/change.js';
import { adopt } from '../core/entry.js';
import { CacheError } from '../core/errors.js';
import type { OperationName } from '../core/events.js';
import { Scope, type ScopeRules } from '../core/key.js';
import type {
  Change,
  MaybePromise,
  RemoteChange,
  TierListener,
  TierName,
  TierState,
} from '../core/tier.js';
import type { Applied, Receipt } from './cache-manager.js';
import type { Parts } from './parts.js';
import type { TierGuard } from './tier-guard.js';

export class WritePath {
  constructor(
    readonly parts: Parts,
    readonly rules: ScopeRules,
  ) {}

  /**
   * Applies a change to every tier and resolves when each has taken it or owes it.
   *
   * L3 goes first: a reader that holds an L2 lease granted in between would otherwise promote the old row. L1 goes last
   * once more: a reader may have copied L2's old entry up while L2 was being asked. A tier that the call left out forgets
   * the key all the same.
   */
  async write(
    change: Change,
    strict: boolean,
    tiers?: readonly TierName[],
    quiet?: boolean,
  ): Promise<Receipt> {
    const { l1, l2, l3 } = this.parts;
    if (strict) this.assertReachable();
    if (change.kind === 'touch' && !l2 && !l3) {
      await l1?.apply(change);
      return receipt(l1 ? 'ok' : 'off', 'off', 'off', false);
    }
    const rest = removal(change);
    const here = isGuard(change) ? change : rest;
    this.#local(here, change.kind !== 'guard');
    // Where a value cannot be encrypted, the lower tiers forget its key, and memory has it.
    const keys = change.kind === 'set' ? this.#keysFor(change) : true;
    const locked = keys !== true && !(await keys);
    const wanted = (tier: TierName): boolean =>
      (tier === 'l1' || !locked) && (!tiers || tiers.includes(tier));
    // Where there is an L2, that tells the others.
    const how = { quiet, trace: l2 ? undefined : this.parts.tracing.parent() };
    const third = l3 ? await l3.changes.apply(wanted('l3') ? change : rest, how) : 'off';
    const stored = change.kind !== 'set' || (third === 'ok' && wanted('l3'));
    // A value that L3 holds reaches L2 with its next reader, under a lease; so L2 never holds what L3 has lost.
    const keep = wanted('l2') && !(change.kind === 'set' && stored);
    const second = l2 ? await this.#second(l2, keep ? change : rest, third, quiet) : 'off';
    const keeping = this.#kept(rest, second, third);
    const kept = typeof keeping === 'boolean' ? keeping : await keeping;
    this.#local(here, false);
    if (strict && (second === 'queued' || third === 'queued'))
      throw unavailable(third === 'queued' ? 'l3' : 'l2');
    const below = stored || (second === 'ok' && keep);
    if (change.kind === 'set' && !below && wanted('l1')) this.#remember(change);
    return receipt(l1 ? 'ok' : 'off', second, third, kept);
  }

  /** A change that L3 or L2 took late: what remains above it. */
  async settle(tier: TierName, change: Change): Promise<void> {
    const rest = removal(change);
    const { l2 } = this.parts;
    if (tier === 'l3' && l2) await this.#kept(rest, await this.#second(l2, rest, 'ok'), 'ok');
    this.#local(rest, false);
  }

  /**
   * A change of a process that is gone, or was too slow for it.
   *
   * @throws CacheError `CACHE_TIER_UNAVAILABLE` where no store has taken it or remembers it: it is still to be made.
   */
  async redo(remote: RemoteChange): Promise<void> {
    const change = localChange(remote, this.parts.namespace, this.rules);
    const { durable } = await this.write(change, false);
    if (!durable)
      throw new CacheError('CACHE_TIER_UNAVAILABLE', 'no store has taken or remembers the change');
  }

  /** Listens to one shared tier. */
  listener(
    tier: TierName,
    onState: (state: TierState) => void,
    onHeard: (at: number) => void,
  ): TierListener {
    const { l1, l2, l3, namespace } = this.parts;
    // What one store has not taken the other announces.
    const owing = tier === 'l2' ? l3 : l2;
    return {
      changed: (change, debt, trace) => {
        this.#remote(change, trace);
        // When L2 is back the outbox is read in any case.
        if (debt === undefined || (owing === l2 && owing?.tier.status().state === 'down')) return;
        owing?.changes.heard(debt, localChange(change, namespace, this.rules));
      },
      lost: () => {
        l1?.flush();
        // The stream tells them again, and PostgreSQL does not.
        if (!l2) l1?.doubtHolds();
        // What others owe L3 may have been among what was missed; the outbox is looked into all the time.
        if (owing === l3) void l3?.changes.shared.doubt();
      },
      state: onState,
      lagged: (lagMs) => {
        const { events } = this.parts;
        if (events.has('heard')) events.emit('heard', { lagMs });
      },
      ...(l1 ? { heard: onHeard } : {}),
    };
  }

  /** L2 and its announcement. What L3 has not taken L2 remembers for everybody, before the caller is told. */
  #second(l2: TierGuard, change: Change, third: Applied, quiet?: boolean): Promise<Applied> {
    const debt = third === 'queued' ? nameOfDebt() : undefined;
    return l2.changes.apply(change, { debt, quiet, trace: this.parts.tracing.parent() });
  }

  /** Whether a store has taken it or remembers it; what L2 has not taken L3 remembers. */
  #kept(change: Change, second: Applied, third: Applied): MaybePromise<boolean> {
    if (second !== 'queued') return second === 'ok' || third === 'ok';
    return third === 'ok' && this.parts.l3!.changes.keep(nameOfDebt(), change);
  }

  /** Memory alone has it, and hands it out. */
  #remember(change: Extract<Change, { kind: 'set' }>): void {
    const { isolation, l1 } = this.parts;
    void l1?.apply({ ...change, entries: change.entries.map((entry) => adopt(entry, isolation)) });
  }

  #keysFor({ addresses: [{ scope }] }: Extract<Change, { kind: 'set' }>): true | Promise<boolean> {
    return this.rules.vault?.ready(scope.tenant) ?? true;
  }

  #local(change: Change, tell: boolean): void {
    const { flights, l1 } = this.parts;
    if (change.kind === 'tags') this.parts.tags.bump(change.tenant, change.tags, change.soft);
    else {
      void l1?.apply(change);
      for (const { scope, key } of change.addresses)
        flights.detach(scope.tenant, scope.place, key, change.kind !== 'expire');
    }
    if (tell) this.#tell(change, 'local');
  }

  #remote(change: RemoteChange, trace: string | undefined): void {
    const { flights, l1, namespace, tags } = this.parts;
    if (change.kind === 'tags') tags.bump(change.tenant, change.tags, change.soft);
    else {
      for (const [tenant, place, key] of change.keys) {
        const scope = Scope.at(namespace, tenant, place, this.rules);
        if (change.kind === 'guard') l1?.hold(scope, key, change.id, change.ms);
        else if (change.kind === 'unguard') l1?.free(scope, key, change.id);
        else l1?.drop(scope, key);
        flights.detach(tenant, place, key, change.kind !== 'expire');
      }
    }
    const count = this.#tell(change, 'backplane');
    if (trace) this.parts.tracing.tracer?.heard(trace, { operation: operationOf(change), count });
  }

  #tell(change: Change | RemoteChange, origin: 'local' | 'backplane'): number {
    const { events, invalidations } = this.parts;
    const tags = change.kind === 'tags';
    const list = tags ? change.tags : 'keys' in change ? change.keys : change.addresses;
    const soft = change.kind === 'expire' || (tags && change.soft === true);
    const { length: count } = list;
    const told = { kind: tags ? 'tag' : 'key', count, origin, soft } as const;
    invalidations.add(told);
    if (events.has('invalidate')) events.emit('invalidate', told);
    return count;
  }

  /** @throws CacheError `CACHE_TIER_UNAVAILABLE` where a change would be queued now. */
  assertReachable(): void {
    for (const guard of [this.parts.l3, this.parts.l2]) {
      if (guard && (guard.changes.size > 0 || guard.tier.status().state === 'down'))
        throw unavailable(guard.tier.name);
    }
  }
}

/** What a change is called where it is told. */
export function operationOf({ kind }: Pick<Change | RemoteChange, 'kind'>): OperationName {
  if (kind === 'tags') return 'invalidate_tags';
  return kind === 'guard' || kind === 'unguard' ? 'mutate' : kind;
}

function nameOfDebt(): string {
  return randomBytes(9).toString('base64url');
}

function isGuard({ kind }: Change): boolean {
  return kind === 'guard' || kind === 'unguard';
}

function receipt(l1: Applied, l2: Applied, l3: Applied, durable: boolean): Receipt {
  return { l1, l2, l3, backplane: l2 === 'off' ? l3 : l2, durable };
}

function unavailable(tier: TierName): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', `${tier} is away, and the call was strict`);
}
