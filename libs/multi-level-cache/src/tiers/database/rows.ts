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

/** Where the store stood when it answered. */
export interface State {
  readonly last: string;
  readonly inc: string;
  readonly tl: string;
}

/** One row of the read statement's answer: for the store itself at 0, then for keys that are there. */
export type Row = readonly [
  at: number,
  ver: string,
  inc: string | null,
  tl: string,
  age: number,
  fresh: number,
  stale: number,
  /** Lists as JSON: of the store its bumped tags, of an entry its own; `null` = none. */
  tags: string | null,
  value: Buffer | null,
];

/** What a read statement told: of the store, and of each key in the order asked. */
export interface Answers {
  readonly state: State;
  readonly reads: readonly TierRead[];
}

/** Numbers of bumped tags, hard and soft, by tenant and tag. */
type Bumps = ReadonlyMap<string, readonly [hard: number, soft: number]>;
const NO_TAGS: readonly string[] = Object.freeze([]);

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

  /** Primary keys as parameters of a statement. */
  hashes(addresses: readonly Address[]): string[] {
    return addresses.map(({ rowHash }) => `\\x${rowHash}`);
  }

  implied(addresses: readonly Address[]): string[] {
    return addresses.map((address) => address.implied.join(SEPARATOR));
  }

  /** Tenants and implicit tags of all these keys, each pair once. */
  impliedOnce(addresses: readonly Address[]): [tenants: string[], tags: string[]] {
    const byTenant = new Map<string, Set<string>>();
    for (const { scope, implied } of addresses) {
      let tags = byTenant.get(scope.tenant);
      if (!tags) byTenant.set(scope.tenant, (tags = new Set()));
      for (const tag of implied) tags.add(tag);
    }
    const pairs = [...byTenant].flatMap(([tenant, tags]) =>
      [...tags].map((tag) => [this.tenant(tenant), tag] as const),
    );
    return [pairs.map(([tenant]) => tenant), pairs.map(([, tag]) => tag)];
  }

  /** What the answer to one question is worth to those who asked at `takenAt`. */
  judgeAll(addresses: readonly Address[], rows: readonly Row[], takenAt: number): Answers {
    const [, last, inc, tl, , , , bumped] = rows.find(([at]) => at === 0)!;
    const state: State = { last, inc: inc!, tl };
    const absent: TierRead = { state: 'absent', mark: markOf(state, '0', takenAt) };
    const reads = new Array<TierRead>(addresses.length).fill(absent);
    const bumps = bumped === null ? undefined : bumpsOf(bumped);
    for (const row of rows) {
      const at = row[0] - 1;
      if (at >= 0) reads[at] = this.#judge(addresses[at], row, state, bumps, takenAt);
    }
    return { state, reads };
  }

  #judge(
    address: Address,
    [, ver, , tl, age, fresh, stale, listed, bytes]: Row,
    state: State,
    bumps: Bumps | undefined,
    takenAt: number,
  ): TierRead {
    const mark = markOf(state, ver, takenAt);
    if (bytes === null || tl !== state.tl) return { state: 'invalid', mark };
    const tags = listed === null ? NO_TAGS : (JSON.parse(listed) as readonly string[]);
    const bumped = bumps && this.#bumped(address, tags, bumps, Number(ver));
    if (bumped === 'hard') return { state: 'invalid', mark };
    const opened = open(bytes, address.fingerprint, address.scope.rules.types);
    if (!opened) {
      this.corrupt++;
      return { state: 'invalid', mark, bytes: bytes.length };
    }
    if (stale <= 0) return { state: 'absent', mark };
    const { value, shape, loadMs, caps, etag } = opened;
    const [createdAt, freshUntil, staleUntil] = [takenAt - age, takenAt + fresh, takenAt + stale];
    const whole: Entry = {
      value,
      shape,
      tags,
      createdAt,
      freshUntil,
      staleUntil,
      loadMs,
      caps,
      etag,
    };
    const entry = bumped === 'soft' ? expired(whole, takenAt) : whole;
    const verdict = takenAt < entry.freshUntil ? 'fresh' : 'stale';
    return { state: verdict, entry, mark, bytes: bytes.length };
  }

  /** How the tags of an entry have been bumped since its version. */
  #bumped(
    address: Address,
    tags: readonly string[],
    bumps: Bumps,
    ver: number,
  ): 'hard' | 'soft' | undefined {
    const tenant = this.tenant(address.scope.tenant);
    let found: 'soft' | undefined;
    for (const tag of [...tags, ...address.implied]) {
      const [hard, soft] = bumps.get(nameOf(tenant, tag)) ?? [0, 0];
      if (hard > ver) return 'hard';
      if (soft > ver) found = 'soft';
    }
    return found;
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

function markOf({ last, inc, tl }: State, seen: string, takenAt: number): Mark {
  return { seen, n0: last, inc, tl, takenAt };
}

function bumpsOf(json: string): Bumps {
  const list = JSON.parse(json) as readonly (readonly [string, string, number, number])[];
  return new Map(list.map(([tenant, tag, hard, soft]) => [nameOf(tenant, tag), [hard, soft]]));
}

function nameOf(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
