/** THE write flow, and what other processes' writes do here: L1, then L3, L2 with its announcement, and L1 again. */
import { CacheError } from '../core/errors.js';
import { Scope } from '../core/key.js';
import type { Change, RemoteChange, TierListener, TierName, TierState } from '../core/tier.js';
import type { Applied, Receipt } from './cache-manager.js';
import type { Parts } from './parts.js';
import type { TierGuard } from './tier-guard.js';

export class WritePath {
  constructor(readonly parts: Parts) {}

  /**
   * Applies a change to every tier and resolves when each has taken it or owes it.
   *
   * L3 goes first: a reader that holds an L2 lease granted in between would otherwise promote the old row. L1 goes last
   * once more: a reader may have copied L2's old entry up while L2 was being asked.
   */
  async write(change: Change, strict: boolean): Promise<Receipt> {
    const { l1, l2, l3 } = this.parts;
    if (strict) this.#assertReachable();
    this.#local(removal(change));
    const third = l3 ? await l3.apply(change) : 'off';
    // A value that L3 holds reaches L2 with its next reader, under a lease; so L2 never holds what L3 has lost.
    const second = l2 ? await l2.apply(third === 'ok' ? removal(change) : change) : 'off';
    this.#local(removal(change));
    if (change.kind === 'set' && third !== 'ok' && second !== 'ok') await l1?.apply(change);
    if (strict && (second === 'queued' || third === 'queued'))
      throw unavailable(third === 'queued' ? 'l3' : 'l2');
    return receipt(l1 ? 'ok' : 'off', second, third);
  }

  /** A change that L3 or L2 took late: what remains above it. */
  async settle(tier: TierName, change: Change): Promise<void> {
    const rest = removal(change);
    if (tier === 'l3') await this.parts.l2?.apply(rest);
    this.#local(rest);
  }

  /** Listens to one shared tier. */
  listener(guard: () => TierGuard, onState: (state: TierState) => void): TierListener {
    return {
      changed: (change) => this.#remote(change),
      lost: () => this.parts.l1?.flush(),
      state: (state) => {
        if (state !== 'down') guard().pay();
        onState(state);
      },
    };
  }

  #local(change: Change): void {
    const { flights, l1, tags } = this.parts;
    if (change.kind === 'tags') {
      tags.bump(change.tenant, change.tags);
      return;
    }
    for (const { scope, key } of change.addresses) {
      l1?.drop(scope, key);
      flights.detach(scope.tenant, scope.cache, key);
    }
  }

  #remote(change: RemoteChange): void {
    const { flights, l1, namespace, tags } = this.parts;
    if (change.kind === 'tags') {
      tags.bump(change.tenant, change.tags);
      return;
    }
    for (const [tenant, cache, key] of change.keys) {
      l1?.drop(new Scope(namespace, tenant, cache), key);
      flights.detach(tenant, cache, key);
    }
  }

  #assertReachable(): void {
    for (const guard of [this.parts.l3, this.parts.l2]) {
      if (guard && (guard.debts > 0 || guard.tier.status().state === 'down'))
        throw unavailable(guard.tier.name);
    }
  }
}

/** What a tier above a stored value must forget, and what a tier that was away is owed: a late `set` could undo a newer one. */
export function removal(change: Change): Change {
  return change.kind === 'set' ? { kind: 'delete', addresses: change.addresses } : change;
}

function receipt(l1: Applied, l2: Applied, l3: Applied): Receipt {
  return { l1, l2, l3, backplane: l2, durable: l2 === 'ok' || l3 === 'ok' };
}

function unavailable(tier: TierName): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', `${tier} is away, and the call was strict`);
}
