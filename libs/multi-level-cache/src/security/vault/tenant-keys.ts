/** The data keys of one tenant as this process has them, for as long as their store has confirmed them. */
import type { KeyObject } from 'node:crypto';
import { dataKey, keyIdOf, living, unwrap, type Owner, type SecretRecord } from './secrets.js';
import type { MasterKeyring } from './master-keys.js';

/** What the store has not confirmed for so long is not used any more: it may have been destroyed. */
export const LEASE_MS = 5_000;

export interface DataKey {
  /** As envelopes name it. */
  readonly keyId: number;
  readonly key: KeyObject;
}

interface Held extends DataKey {
  readonly until: number;
}

/** What a store answered, and when it was asked. */
export interface Told {
  readonly record: SecretRecord;
  /** Time of the store, ms since 1970. */
  readonly now: number;
  /** The same moment, or an earlier one, by the monotonic clock. */
  readonly asked: number;
  /** As of before it was asked. */
  readonly revision: string | undefined;
}

export class TenantKeys {
  /** Of the store when it was asked; `undefined` = not known. */
  revision: string | undefined;
  /** Raised by what this process destroys: an answer from before that counts for nothing. */
  version = 0;
  /** The store could not be asked, and memory may hold what has been destroyed since. */
  doubtful = false;
  /** Something is to be wrapped by another master key, or has come to its end. */
  untidy = false;
  #held = new Map<number, Held>();
  #newest: Held | undefined;
  /** Of the last one that was written with. */
  #lastId: number | undefined;
  #confirmed = -Infinity;
  #nextEnd = Infinity;

  constructor(readonly owner: Owner) {}

  /** Takes over what the store says; whether what was there before has been destroyed. */
  adopt({ record, now, asked, revision }: Told, masters: MasterKeyring): boolean {
    const before = this.#lastId;
    const here = living(record, now);
    const erased =
      before === undefined ? this.doubtful : !here.secrets.some((s) => s.id === before);
    this.revision = revision;
    this.doubtful = false;
    this.#confirmed = asked;
    this.#held = new Map();
    this.#newest = this.#lastId = undefined;
    this.#nextEnd = Infinity;
    this.untidy = here.secrets.length < record.secrets.length;
    for (const { id, master, until, wrapped } of here.secrets) {
      const wrapping = masters.find(master);
      const secret = wrapping && unwrap(wrapping, wrapped, this.owner, id);
      if (!secret) continue;
      const ends = until === undefined ? Infinity : asked + until - now;
      const held = { keyId: keyIdOf(id), key: dataKey(secret, this.owner, id), until: ends };
      secret.fill(0);
      this.#held.set(held.keyId, held);
      this.#nextEnd = Math.min(this.#nextEnd, ends);
      if (master !== masters.current?.id) this.untidy = true;
      if (until === undefined) [this.#newest, this.#lastId] = [held, id];
    }
    return erased;
  }

  /** The store says that nothing has changed since. */
  confirm(asked: number): void {
    this.#confirmed = asked;
  }

  /** Nothing of it is left here. */
  drop(): void {
    this.#held.clear();
    this.#newest = undefined;
  }

  /** As `drop`, for good. */
  destroy(): void {
    this.drop();
    this.version++;
    this.#lastId = undefined;
    this.revision = undefined;
    this.#confirmed = -Infinity;
  }

  isCurrent(now: number): boolean {
    return now < this.#confirmed + LEASE_MS;
  }

  /** Whether something of it has ended, and is still in the store. */
  isUntidy(now: number): boolean {
    return this.untidy || now >= this.#nextEnd;
  }

  newest(now: number): DataKey | undefined {
    return this.isCurrent(now) ? this.#newest : undefined;
  }

  find(keyId: number, now: number): DataKey | undefined {
    const held = this.isCurrent(now) ? this.#held.get(keyId) : undefined;
    return held && now < held.until ? held : undefined;
  }
}
