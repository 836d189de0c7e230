/** One stretch of being in sync with Redis: from a SYNC reply until a connection or the epoch is lost. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import type { Commands } from './connection.js';
import { SYNC } from './scripts.js';

/** Names of the records all processes of an application share; one cluster slot. */
export class SharedKeys {
  readonly sq: string;
  readonly ep: string;
  readonly stream: string;
  readonly #prefix: string;

  constructor(namespace: string) {
    this.#prefix = `${namespace}:{~}:`;
    this.sq = `${this.#prefix}sq`;
    this.ep = `${this.#prefix}ep`;
    this.stream = `${this.#prefix}st`;
  }

  /** The tag records of one tenant. */
  tags(tenantSegment: string): string {
    return `${this.#prefix}tags:${tenantSegment}`;
  }
}

export interface Session {
  readonly epoch: string;
  readonly epochNumber: number;
  /** Stream position from which messages are new. */
  readonly cursor: string;
  /** Number of the last message before the cursor. */
  lastNumber: number;
  /**
   * Server time minus local time, as little and as much as it can be: times are written with the one and read with the
   * other, so that a life never gets longer on its way.
   */
  readonly offset: { readonly least: number; readonly most: number };
}

/** Asks Redis where it stands; sets a new epoch if it has lost data. */
export async function sync(
  commands: Commands,
  keys: SharedKeys,
  clock: Clock,
  seen: { readonly epoch: string; readonly number: number },
): Promise<Session> {
  const before = clock.now();
  const fresh = String(randomInt(1, 2 ** 32 - 1));
  const reply = (await commands.run(
    SYNC,
    [keys.sq, keys.ep, keys.stream],
    [seen.epoch, seen.number, fresh],
  )) as Buffer[];
  const after = clock.now();
  const [epoch, number, cursor, time] = reply.map(String) as [string, string, string, string];
  const epochNumber = Number(epoch);
  if (!Number.isInteger(epochNumber) || epochNumber < 0 || epochNumber >= 2 ** 32)
    throw new Error('the epoch is not ours');
  return {
    epoch,
    epochNumber,
    cursor,
    lastNumber: Number(number),
    offset: { least: Number(time) - after, most: Number(time) - before },
  };
}
