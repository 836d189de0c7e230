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
  age: number,
  fresh: number,
  stale: number,
  /** As JSON: of the store what it told, of an entry its own tags; `null` = none. */
  said: string | null,
  /** As JSON: the highest numbers of an entry's own tags. */
  bumps: string | null,
  value: Buffer | null,
];

interface Said extends State {
  /** Numbers of the implicit tags that were ever bumped. */
  readonly bumps: readonly (readonly [string, string, number, number])[] | null;
}

/** What a read statement told: of the store, and of each key in the order asked. */
export interface Answers {
  readonly state: State;
  readonly reads: readonly TierRead[];
}

/** Numbers of bumped tags, hard and soft, by tenant and tag. */
type Bumps = ReadonlyMap<string, Numbers>;
/** `null` = no record of the tag: never bumped. */
type Numbers = readonly [hard: number | null, soft: number | null];
const NEVER: Numbers = [0, 0];
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

  /** What the read statement asks for, as its four parameters. */
  question(addresses: readonly Address[]): string[] {
    const [tenants, tags] = this.#impliedOnce(addresses);
    return [this.tenants(addresses), this.hashes(addresses), tenants, tags].map((list) =>
      list.join(SEPARATOR),
    );
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
  #impliedOnce(addresses: readonly Address[]): [tenants: string[], tags: string[]] {
    const byTenant = new Map<string, Set<string>>();
    let last: Address | undefined;
    for (const address of addresses) {
      // Keys that are asked for together mostly are of one kind.
      if (last && sameImplied(last, address)) continue;
      last = address;
      const { tenant } = address.scope;
      let tags = byTenant.get(tenant);
      if (!tags) byTenant.set(tenant, (tags = new Set()));
      for (const tag of address.implied) tags.add(tag);
    }
    const pairs = [...byTenant].flatMap(([tenant, tags]) =>
      [...tags].map((tag) => [this.tenant(tenant), tag] as const),
    );
    return [pairs.map(([tenant]) => tenant), pairs.map(([, tag]) => tag)];
  }

  /** What the answer to one question is worth to those who asked at `takenAt`. */
  judgeAll(addresses: readonly Address[], rows: readonly Row[], takenAt: number): Answers {
    const state = JSON.parse(rows.find(([at]) => at === 0)![5]!) as Said;
    const absent: TierRead = { state: 'absent', mark: markOf(state, '0', takenAt) };
    const reads = new Array<TierRead>(addresses.length).fill(absent);
    const bumps = state.bumps && bumpsOf(state.bumps);
    for (const row of rows) {
      const at = row[0] - 1;
      if (at >= 0) reads[at] = this.#judge(addresses[at], row, state, bumps, takenAt);
    }
    return { state, reads };
  }

  #judge(
    address: Address,
    [, ver, age, fresh, stale, listed, own, bytes]: Row,
    state: State,
    bumps: Bumps | null,
    takenAt: number,
  ): TierRead {
    const mark = markOf(state, ver, takenAt);
    if (bytes === null) return { state: 'invalid', mark };
    const tags = listed === null ? NO_TAGS : (JSON.parse(listed) as readonly string[]);
    const bumped = this.#bumped(address, own, bumps, Number(ver));
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
    { scope, implied }: Address,
    own: string | null,
    bumps: Bumps | null,
    ver: number,
  ): 'hard' | 'soft' | undefined {
    let [hard, soft] = own === null ? NEVER : (JSON.parse(own) as Numbers);
    if (bumps)
      for (const tag of implied) {
        const numbers = bumps.get(nameOf(this.tenant(scope.tenant), tag)) ?? NEVER;
        [hard, soft] = [Math.max(hard ?? 0, numbers[0] ?? 0), Math.max(soft ?? 0, numbers[1] ?? 0)];
      }
    if ((hard ?? 0) > ver) return 'hard';
    return (soft ?? 0) > ver ? 'soft' : undefined;
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

function bumpsOf(list: NonNullable<Said['bumps']>): Bumps {
  return new Map(list.map(([tenant, tag, hard, soft]) => [nameOf(tenant, tag), [hard, soft]]));
}

function sameImplied(one: Address, other: Address): boolean {
  return (
    one.scope === other.scope &&
    one.implied.length === other.implied.length &&
    one.implied.every((tag, at) => tag === other.implied[at])
  );
}

function nameOf(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
