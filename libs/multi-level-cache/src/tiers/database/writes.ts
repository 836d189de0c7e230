/** Writes and invalidations on their way into the table: each is one statement for up to a thousand keys. */
import type { QueryResultRow } from 'pg';
import type { Entry } from '../../core/entry.js';
import { partsOf } from '../../core/change.js';
import { CacheError } from '../../core/errors.js';
import type { Address } from '../../core/key.js';
import type { ApplyHow, Change } from '../../core/tier.js';
import type { Announcements } from './backplane.js';
import type { Database } from './pool.js';
import type { Rows, Spans } from './rows.js';
import type { Announced, Statements } from './sql.js';

const KEYS_PER_STATEMENT = 1_000;
const TRIES = 4;

/** The last number the store has given out. */
interface Numbers {
  /** As far as this process knows. */
  known(): string | undefined;
  ask(): Promise<string>;
}

interface Kept {
  readonly address: Address;
  readonly value: Buffer;
  readonly tags: string;
  readonly spans: Spans;
}

export class Writes {
  constructor(
    readonly database: Database,
    readonly sql: Statements,
    readonly rows: Rows,
    /** Longest time to be fresh in this tier. */
    readonly cap: number | undefined,
    readonly wrote: (rows: number) => void,
    readonly store: Numbers,
    readonly announcements: Announcements | undefined,
  ) {}

  /** @param how - as of the tier port: when a value is not stored any more, and whether others are told. */
  async apply(change: Change, how: ApplyHow = {}): Promise<void> {
    switch (change.kind) {
      case 'tags': {
        const { tenant, tags, soft = false } = change;
        await this.#run('bump', [this.rows.tenant(tenant), tags, soft], change, how);
        return;
      }
      case 'touch': {
        const [{ scope }] = change.addresses;
        const [hash] = this.rows.hashes(change.addresses);
        const ms = Math.min(change.ms, this.cap ?? Infinity);
        await this.#run('touch', [this.rows.tenant(scope.tenant), hash, ms], change, how);
        return;
      }
      case 'guard':
      case 'unguard': {
        const ms = change.kind === 'guard' ? change.ms : 0;
        return this.#each('guard', change, how, [change.id, ms]);
      }
      case 'set':
        return this.#set(change.addresses, change.entries, how);
      case 'delete':
      case 'expire':
        return this.#each(change.kind === 'delete' ? 'remove' : 'expire', change, how);
    }
  }

  async #set(
    addresses: readonly Address[],
    entries: readonly Entry[],
    how: ApplyHow,
  ): Promise<void> {
    // The last value of a key stands: a statement may touch a row once.
    const kept = new Map<string, Kept>();
    const gone = new Map<string, Address>();
    addresses.forEach((address, at) => {
      const value = this.rows.seal(address, entries[at]);
      const spans = this.rows.spans(entries[at]);
      const hash = address.rowHash;
      kept.delete(hash);
      gone.delete(hash);
      // What cannot be kept here replaces what was there before all the same.
      if (typeof value === 'string' || !spans) gone.set(hash, address);
      else kept.set(hash, { address, value, tags: JSON.stringify(entries[at].tags), spans });
    });
    if (gone.size > 0)
      await this.#each('remove', { kind: 'delete', addresses: [...gone.values()] }, how);
    const list = [...kept.values()];
    for (let at = 0; at < list.length; at += KEYS_PER_STATEMENT)
      await this.#store(list.slice(at, at + KEYS_PER_STATEMENT), how);
    this.wrote(list.length);
  }

  /** A row that has changed since the last number known here refuses: once more with the number of now. */
  async #store(list: readonly Kept[], how: ApplyHow): Promise<void> {
    let left = list;
    for (let tries = 0; tries < TRIES; tries++) {
      const number = tries === 0 ? this.store.known() : undefined;
      const names = this.rows.names(left.map(({ address }) => address));
      const values = [...this.#columns(left), number ?? (await this.store.ask()), ...names];
      // Nobody else is to know the values: to others they are removals.
      const told: Change = { kind: 'delete', addresses: left.map(({ address }) => address) };
      const stored = await this.#run<{ key_hash: Buffer }>('set', values, told, how);
      const hashes = new Set(stored.map(({ key_hash }) => key_hash.toString('hex')));
      left = left.filter(({ address }) => !hashes.has(address.rowHash));
      if (left.length === 0) return;
    }
    throw new CacheError('CACHE_TIER_UNAVAILABLE', 'the row changes all the time');
  }

  async #each(
    statement: Announced,
    change: Extract<Change, { kind: 'delete' | 'expire' | 'guard' | 'unguard' }>,
    how: ApplyHow,
    more: readonly unknown[] = [],
  ): Promise<void> {
    const distinct = new Map(change.addresses.map((address) => [address.rowHash, address]));
    if (distinct.size === 0) return;
    for (const part of partsOf(
      { ...change, addresses: [...distinct.values()] },
      KEYS_PER_STATEMENT,
    )) {
      const { addresses } = part as typeof change;
      const values = [this.rows.tenants(addresses), this.rows.hashes(addresses), ...more];
      await this.#run(statement, values, part, how);
    }
  }

  #columns(list: readonly Kept[]): unknown[] {
    return [
      this.rows.tenants(list.map(({ address }) => address)),
      this.rows.hashes(list.map(({ address }) => address)),
      list.map(({ value }) => value),
      list.map(({ tags }) => tags),
      list.map(({ spans }) => spans.age),
      list.map(({ spans }) => spans.fresh),
      list.map(({ spans }) => spans.stale),
    ];
  }

  /** @param told - what others are told of it, unless it is quiet. */
  #run<R extends QueryResultRow>(
    statement: Announced,
    values: readonly unknown[],
    told: Change,
    { quiet, trace, until }: ApplyHow,
  ): Promise<R[]> {
    // The first parameter of each is whose rows it changes.
    const tenants = [values[0]].flat() as string[];
    const sent = { urgent: true, until: statement === 'set' ? until : undefined, tenants };
    if (quiet || !this.announcements)
      return this.database.query<R>(this.sql[statement], values, sent);
    const all = [...values, ...this.announcements.of(told, undefined, trace)];
    return this.database.query<R>(this.sql.announced[statement], all, sent);
  }
}
