/** Rows, tags and numbers of the simulated PostgreSQL, and how parameters of statements are spelled. */
import { SEPARATOR } from '../../libs/multi-level-cache/src/tiers/database/sql.js';

export type Values = readonly unknown[];

/** What a fence has in place of the version its load had seen. */
export const FENCE = -1;

export interface Row {
  readonly value: Buffer | null;
  readonly ver: number;
  readonly seen: number;
  readonly tl: string;
  readonly tags: readonly string[];
  /** Milliseconds of the server's wall clock, as the two after it. */
  readonly created: number;
  readonly expires: number;
  readonly stale: number;
  /** Ids of those who write the key right now, and until when. */
  readonly guards?: ReadonlyMap<string, number>;
}

export interface Numbers {
  readonly hard: number;
  readonly soft: number;
}

export interface Owed {
  readonly type: string;
  readonly payload: string;
  readonly whole: boolean;
  readonly due: number;
}

/** Everything the log rebuilds. */
export interface Data {
  readonly rows: Map<string, Row>;
  readonly tags: Map<string, Numbers>;
  /** What Redis has not taken, in the order it came. */
  readonly outbox: Map<string, Owed>;
  last: number;
}

/** What a connection remembers of its server. */
export interface Session {
  start?: string;
  system?: string;
}

export function timesOf(
  now: number,
  age: unknown,
  fresh: unknown,
  stale: unknown,
): Pick<Row, 'created' | 'expires' | 'stale'> {
  return { created: now - Number(age), expires: now + Number(fresh), stale: now + Number(stale) };
}

/** Somebody writes the row right now. */
export function isGuarded({ guards }: Row, now: number): boolean {
  return guards !== undefined && [...guards.values()].some((until) => until > now);
}

export function nameOf(tenant: unknown, name: unknown): string {
  return `${String(tenant)}\u0000${String(name)}`;
}

export function listOf(text: unknown): readonly string[] {
  return text === '' ? [] : String(text).split(SEPARATOR);
}

/** As `unnest` of several lists does. */
export function rowsOf(columns: Values): readonly (readonly unknown[])[] {
  const lists = columns as readonly (readonly unknown[])[];
  return lists[0].map((_first, at) => lists.map((list) => list[at]));
}
