/** What one transaction of the application's own asks of the cache, kept until it commits or is rolled back. Pure. */
import { randomBytes } from 'node:crypto';
import { removal } from '../core/change.js';
import type { Address } from '../core/key.js';
import type { Change } from '../core/tier.js';

type Tags = Extract<Change, { kind: 'tags' }>;

export class Transaction {
  /** Names it where it is written down. */
  readonly id = randomBytes(9).toString('base64url');
  /** It has written something, or has asked for something to be removed. */
  dirty = false;
  /** It goes on seeing the database as it was when it began. */
  snapshot = false;
  /** Committed or rolled back: what still runs in its name runs outside. */
  ended = false;
  /** Written down, in the transaction itself, so that it is made up for if this process dies after the commit. */
  kept = false;
  readonly #deleted = new Map<string, Address>();
  readonly #expired = new Map<string, Address>();
  readonly #tags = new Map<
    string,
    { readonly tenant: string; soft: boolean; names: Set<string> }
  >();

  constructor(
    /** One of another database, in which this one was begun. */
    readonly outer?: Transaction,
  ) {}

  /** What the cache holds may be older than its own writes, or newer than what else it sees. */
  get bypasses(): boolean {
    return this.dirty || this.snapshot || (this.outer?.bypasses ?? false);
  }

  get empty(): boolean {
    return this.#deleted.size + this.#expired.size + this.#tags.size === 0;
  }

  /** To be made as a removal after the commit; from now on this transaction sees nothing of the cache. */
  add(change: Change): void {
    this.dirty = true;
    if (!this.outer?.ended) this.outer?.add(change);
    const rest = removal(change);
    if (rest.kind === 'tags') this.#bump(rest);
    else {
      const list = rest.kind === 'expire' ? this.#expired : this.#deleted;
      for (const address of rest.addresses) list.set(address.name, address);
    }
  }

  /** All of it, as few as can be. */
  changes(): readonly Change[] {
    const changes: Change[] = [];
    for (const [kind, list] of [
      ['delete', this.#deleted],
      ['expire', this.#expired],
    ] as const)
      if (list.size > 0) changes.push({ kind, addresses: [...list.values()] });
    for (const { tenant, soft, names } of this.#tags.values())
      changes.push({ kind: 'tags', tenant, tags: [...names], soft });
    return changes;
  }

  #bump({ tenant, tags, soft = false }: Tags): void {
    const name = `${soft ? '~' : '='}${tenant}`;
    const bumped = this.#tags.get(name) ?? { tenant, soft, names: new Set() };
    for (const tag of tags) bumped.names.add(tag);
    this.#tags.set(name, bumped);
  }
}
