/** Rows of the table as entries and back: local times become spans the server counts from its own clock. */
import type { Clock } from '../../core/clock.js';
import { capped, expired, type Entry } from '../../core/entry.js';
import { open, seal } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
import type { L3Options } from '../../core/options.js';
import type { Ticket, TierRead } from '../../core/tier.js';
import { SEPARATOR } from './sql.js';

/** Larger envelopes are not stored: a row is read and written as a whole. */
const MAX_BYTES = 1024 ** 2;
/** Storing is dearer here than in Redis, so compression pays earlier. */
const COMPRESS_FROM = 1_024;

/** What a read tells of the store: a ticket for a fill is made of it. */
export interface Mark {
  /** Version of the row, 0 where there was none. */
  readonly seen: string;
  readonly n0: string;
  readonly inc: string;
  readonly tl: string;
  readonly takenAt: number;
}

export interface RowTicket extends Ticket, Mark {
  readonly tier: 'l3';
}

/** What the read statement answers for one key. */
export interface Row {
  readonly at: number;
  readonly last: string;
  readonly inc: string;
  readonly tl: string;
  readonly ver: string | null;
  readonly value: Buffer | null;
  readonly tags: readonly string[] | null;
  readonly current: boolean | null;
  readonly bumped: boolean | null;
  readonly softened: boolean | null;
  readonly age: number | null;
  readonly fresh: number | null;
  readonly stale: number | null;
}

/** Milliseconds from now, as the statements want them. */
export interface Spans {
  readonly age: number;
  readonly fresh: number;
  readonly stale: number;
}

export class Rows {
  corrupt = 0;

  constructor(
    readonly namespace: string,
    readonly options: L3Options,
    readonly clock: Clock,
  ) {}

  /** Applications that share a database share its tables, never their tenants. */
  tenant(tenant: string): string {
    return `${this.namespace}/${tenant}`;
  }

  tenants(addresses: readonly Address[]): string[] {
    return addresses.map(({ scope }) => this.tenant(scope.tenant));
  }

  implied(addresses: readonly Address[]): string[] {
    return addresses.map((address) => address.implied.join(SEPARATOR));
  }

  /** What a row is worth to whoever asked for it at `takenAt`. */
  judge(address: Address, row: Row, takenAt: number): TierRead {
    const mark: Mark = { seen: row.ver ?? '0', n0: row.last, inc: row.inc, tl: row.tl, takenAt };
    if (row.ver === null) return { state: 'absent', mark };
    if (row.value === null || !row.current || row.bumped) return { state: 'invalid', mark };
    const bytes = row.value.length;
    const opened = open(row.value, address.fingerprint, address.scope.rules.types);
    if (!opened) {
      this.corrupt++;
      return { state: 'invalid', mark, bytes };
    }
    if (row.stale! <= 0) return { state: 'absent', mark };
    const { value, shape, loadMs, caps, etag } = opened;
    const whole: Entry = {
      value,
      shape,
      loadMs,
      caps,
      etag,
      tags: row.tags!,
      createdAt: takenAt - row.age!,
      freshUntil: takenAt + row.fresh!,
      staleUntil: takenAt + row.stale!,
    };
    const entry = row.softened ? expired(whole, takenAt) : whole;
    return { state: takenAt < entry.freshUntil ? 'fresh' : 'stale', entry, mark, bytes };
  }

  /** Bytes of an entry; `undefined` where it is too large to be kept. */
  seal(address: Address, entry: Entry): Buffer | undefined {
    const { caps, etag, loadMs } = entry;
    // Times and numbers are columns here; the envelope holds codec, fingerprint and payload.
    const header = {
      createdAt: 0,
      ttl: 0,
      grace: 0,
      loadMs,
      n0: 0,
      epoch: 0,
      tags: [],
      caps,
      etag,
    };
    const { types } = address.scope.rules;
    const bytes = seal(entry.value, entry.shape, header, address.fingerprint, types, COMPRESS_FROM);
    return bytes.length > MAX_BYTES ? undefined : bytes;
  }

  /** What is left of its life here; `undefined` where nothing is. */
  spans(entry: Entry): Spans | undefined {
    const now = this.clock.now();
    const { maxAge, ttl } = this.options;
    const kept = capped(entry, now, ttl, maxAge, entry.caps?.l3);
    if (kept.freshUntil <= now) return undefined;
    return {
      age: now - kept.createdAt,
      fresh: kept.freshUntil - now,
      stale: Math.min(kept.staleUntil - now, maxAge),
    };
  }
}
