/** Answers of the read statement as entries: what of a row may be used, and for how long on the local clock. */
import { expired, type Entry } from '../../core/entry.js';
import { MAX_TAGS } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
import { isAged } from '../../core/sealed.js';
import type { Ticket, TierRead } from '../../core/tier.js';
import type { OpenedBefore } from '../opened-before.js';
import type { Rows } from './rows.js';
import { GUARDED_VERSION, SEPARATOR } from './sql.js';

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
  /** Taken without a read of its row. */
  readonly blind: boolean;
}

/** Where the store stood when it answered. */
export interface State {
  readonly last: string;
  readonly inc: string;
  readonly tl: string;
}

/** One row of the read statement's answer: for the store itself as JSON, then for each key that is there as separated parts. */
export type Row = readonly [said: string, value: Buffer | null];

/** What stands in the text of a key's row. */
type Parts = readonly [
  at: string,
  ver: string,
  age: string,
  fresh: string,
  stale: string,
  /** What its tags are judged by: the version it had before it was expired; '' = its version. */
  n0: string,
  /** As JSON: its own tags, and their highest numbers; '' = it has none. */
  tags: string,
  bumps: string,
];

interface Said extends State {
  /** Numbers of the implicit tags that were ever bumped. */
  readonly bumps: readonly (readonly [string, string, number, number])[] | null;
}

/** What a read statement told: of the store, and of each key in the order asked. */
export interface Told {
  readonly state: State;
  readonly reads: readonly TierRead[];
}

/** Numbers of bumped tags, hard and soft, by tenant and tag. */
type Bumps = ReadonlyMap<string, Numbers>;
/** `null` = no record of the tag: never bumped. */
type Numbers = readonly [hard: number | null, soft: number | null];
const NEVER: Numbers = [0, 0];

/** What one answer says of all its keys. */
interface Known {
  readonly state: State;
  readonly bumps: Bumps | null;
  readonly takenAt: number;
}

const WRITTEN_NOW = String(GUARDED_VERSION);
const NO_TAGS: readonly string[] = Object.freeze([]);

export class Answers {
  /** Values whose bytes were not ours. */
  corrupt = 0;

  constructor(
    readonly rows: Rows,
    readonly opened: OpenedBefore,
    /** Told of values that are to be sealed by a newer key. */
    readonly onAged: (address: Address, bytes: Buffer) => void,
  ) {}

  /** What the answer to one question is worth to those who asked at `takenAt`. */
  judgeAll(addresses: readonly Address[], rows: readonly Row[], takenAt: number): Told {
    const state = JSON.parse(rows.find(isOfStore)![0]) as Said;
    const absent: TierRead = { state: 'absent', mark: markOf(state, '0', takenAt) };
    const reads = new Array<TierRead>(addresses.length).fill(absent);
    const bumps = state.bumps && bumpsOf(state.bumps);
    for (const row of rows) {
      if (isOfStore(row)) continue;
      const parts = row[0].split(SEPARATOR) as unknown as Parts;
      const at = Number(parts[0]) - 1;
      reads[at] = this.#judge(addresses[at], parts, row[1], { state, bumps, takenAt });
    }
    return { state, reads };
  }

  #judge(
    address: Address,
    [, ver, age, fresh, stale, n0, listed, own]: Parts,
    bytes: Buffer | null,
    { state, bumps, takenAt }: Known,
  ): TierRead {
    const mark = markOf(state, ver, takenAt);
    if (ver === WRITTEN_NOW) return { state: 'invalid', mark, guarded: true };
    if (bytes === null) return { state: 'invalid', mark };
    const tags = listed === '' ? NO_TAGS : (JSON.parse(listed) as readonly string[]);
    const bumped = this.#bumped(address, own, bumps, Number(n0 || ver));
    if (bumped === 'hard') return { state: 'invalid', mark };
    const opened = areTags(tags) ? this.opened.open(address, bytes) : 'corrupt';
    if (typeof opened === 'string') {
      if (opened === 'corrupt') this.corrupt++;
      return { state: 'invalid', mark, bytes: bytes.length, corrupt: opened === 'corrupt' };
    }
    if (isAged(address, bytes)) this.onAged(address, bytes);
    if (Number(stale) <= 0) return { state: 'absent', mark };
    const { value, shape, loadMs, caps, etag } = opened;
    const whole: Entry = {
      value,
      shape,
      tags,
      createdAt: takenAt - Number(age),
      freshUntil: takenAt + Number(fresh),
      staleUntil: takenAt + Number(stale),
      loadMs,
      caps,
      etag,
    };
    const entry = bumped === 'soft' ? expired(whole, takenAt) : whole;
    const verdict = takenAt < entry.freshUntil ? 'fresh' : 'stale';
    return { state: verdict, entry, mark, bytes: bytes.length };
  }

  /** How the tags of an entry have been bumped since. */
  #bumped(
    { scope, implied }: Address,
    own: string,
    bumps: Bumps | null,
    n0: number,
  ): 'hard' | 'soft' | undefined {
    let [hard, soft] = own === '' ? NEVER : (JSON.parse(own) as Numbers);
    if (bumps)
      for (const tag of implied) {
        const numbers = bumps.get(nameOf(this.rows.tenant(scope.tenant), tag)) ?? NEVER;
        [hard, soft] = [Math.max(hard ?? 0, numbers[0] ?? 0), Math.max(soft ?? 0, numbers[1] ?? 0)];
      }
    if ((hard ?? 0) > n0) return 'hard';
    return (soft ?? 0) > n0 ? 'soft' : undefined;
  }
}

function isOfStore([said]: Row): boolean {
  return said.startsWith('{');
}

function markOf({ last, inc, tl }: State, seen: string, takenAt: number): Mark {
  return { seen, n0: last, inc, tl, takenAt };
}

/** Anybody who can write the table may have written them. */
function areTags(list: readonly unknown[]): boolean {
  return list.length <= MAX_TAGS && list.every((tag) => typeof tag === 'string');
}

function bumpsOf(list: NonNullable<Said['bumps']>): Bumps {
  return new Map(list.map(([tenant, tag, hard, soft]) => [nameOf(tenant, tag), [hard, soft]]));
}

function nameOf(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
