/** One stretch of being in sync with Redis: from a SYNC reply until a connection or the epoch is lost. */
import { randomInt } from 'node:crypto';
import { Sequences } from '../../coherence/sequences.js';
import type { Clock } from '../../core/clock.js';
import type { Commands } from './commands.js';
import { serverOf, type Client } from './connection.js';
import { PROBE, SYNC } from './scripts.js';

/** Names of the records all processes of an application share; one cluster slot. */
export class SharedKeys {
  readonly sq: string;
  readonly ep: string;
  readonly stream: string;
  /** Which replication history the data belongs to. */
  readonly rid: string;
  /** What L3 has not taken. */
  readonly debts: string;
  /** Wrapped secrets of tenants, and how often one was replaced. */
  readonly secrets: string;
  readonly secretsRevision: string;
  /** Two names under which nothing is stored. */
  readonly probe: readonly [string, string];
  readonly #prefix: string;

  constructor(namespace: string) {
    this.#prefix = `${namespace}:{~}:`;
    this.sq = `${this.#prefix}sq`;
    this.ep = `${this.#prefix}ep`;
    this.stream = `${this.#prefix}st`;
    this.rid = `${this.#prefix}rid`;
    this.debts = `${this.#prefix}debt`;
    this.secrets = `${this.#prefix}keys`;
    this.secretsRevision = `${this.#prefix}keyrev`;
    this.probe = [`${this.#prefix}probe:1`, `${this.#prefix}probe:2`];
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
  cursor: string;
  /** Number of the last message before the cursor. */
  lastNumber: number;
  /** When the last message was heard that was believed, or Redis asked; of `Clock`. */
  heardAt: number;
  /** Which sealed messages have been heard up to there. */
  sequences: Sequences;
  /** Which replication history answered; empty = not known. */
  readonly history: string;
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
  /** The highest number this process knows of. */
  seen: number,
  cold: {
    /** Start cold where the replication history has changed. */
    readonly whenMoved: boolean;
    /** Start cold where it is not this one. */
    readonly unless?: string | undefined;
  },
): Promise<Session> {
  const history = await historyOf(commands.client, keys).catch((error: unknown) => {
    if (cold.whenMoved) throw error;
    return '';
  });
  const lost = cold.unless !== undefined && cold.unless !== history;
  const before = clock.now();
  const fresh = String(randomInt(1, 2 ** 32 - 1));
  const reply = (await commands.run(
    SYNC,
    [keys.sq, keys.ep, keys.stream, keys.rid],
    [seen, fresh, cold.whenMoved ? history : '', lost ? 1 : 0],
  )) as Buffer[];
  const after = clock.now();
  const [epoch, number, cursor, time] = reply.map(String) as [string, string, string, string];
  const epochNumber = Number(epoch);
  if (!Number.isInteger(epochNumber) || epochNumber < 0 || epochNumber >= 2 ** 32)
    throw new Error('the epoch is not ours');
  return {
    epoch,
    epochNumber,
    history,
    cursor,
    lastNumber: Number(number),
    heardAt: after,
    sequences: new Sequences(),
    offset: { least: Number(time) - after, most: Number(time) - before },
  };
}

/** Names the commands this user lacks; an empty list is what it takes to work. */
export async function missingCommands(commands: Commands, keys: SharedKeys): Promise<string[]> {
  const missing = ((await commands.run(PROBE, keys.probe, [])) as Buffer[]).map(String);
  for (const [name, ...args] of [
    ['MGET', keys.probe[0]],
    ['XREAD', 'COUNT', '1', 'STREAMS', keys.probe[1], '$'],
  ] as const) {
    try {
      await commands.call(keys.probe[0], name, ...args);
    } catch (error) {
      if (isRefused(error)) missing.push(name.toLowerCase());
      // What the refused ones have left undone may be in the way of others.
      else if (missing.length === 0) throw error;
    }
  }
  return [...new Set(missing)];
}

export function isRefused(error: unknown): boolean {
  return error instanceof Error && /^NOPERM|unknown command/i.test(error.message);
}

/** Which replication history the server has that a connection finds these records on; empty = not known. */
export async function historyOf(client: Client, keys: SharedKeys): Promise<string> {
  const info = await serverOf(client, keys.sq)?.callBuffer('INFO', 'replication');
  return /^master_replid:(\w+)/m.exec(String(info))?.[1] ?? '';
}

/** Whether what this process told last may be lost to whom it speaks now. */
export function hasMoved(old: Session, { history }: Session, mastersMoved: boolean): boolean {
  // Also under another epoch: others may have begun it while this process still spoke to the server of before.
  return mastersMoved || history === '' || old.history !== history;
}
