/** What processes tell each other through one Redis stream: the messages, and the loop that reads them. */
import { decodeChange } from '../../core/change.js';
import { SEALED } from '../../core/message-seal.js';
import { readOrigin } from '../../core/origin.js';
import type { RemoteChange } from '../../core/tier.js';
import type { Commands } from './commands.js';
import { BLOCK_MS, type Client } from './connection.js';

const COUNT = 500;

export interface Message {
  /** Number of the change: one more than that of the message before. */
  readonly number: number;
  readonly epoch: string;
  /** Who says it; nobody where everybody has to hear it, who says it too. */
  readonly sender: string;
  /** The trace it is a part of there. */
  readonly trace?: string | undefined;
  /** `undefined` = a heartbeat: it tells the number and the epoch, and nothing has changed. */
  readonly change: RemoteChange | undefined;
  /** L3 has not taken the change; under this name it is kept in Redis until it has. */
  readonly debt?: string | undefined;
  /** What it says, if it is sealed: nothing is known of it before it has been opened. */
  readonly sealed?: string | undefined;
}

/** Type of a heartbeat. */
export const HEARTBEAT = 'h';

/** In the place of what a process says itself of keys: it has done it already, and taking it apart costs as much as hearing it. */
const DONE: RemoteChange = { kind: 'delete', keys: [] };
const OF_KEYS = /^[dx]$/;

/**
 * The message in a stream entry, or `undefined` where it is not ours.
 *
 * @param own - the sender that this process is, where that is of no use
 */
export function decodeMessage(fields: readonly string[], own?: string): Message | undefined {
  const record = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) record.set(fields[at], fields[at + 1]);
  const number = Number(record.get('n'));
  const epoch = record.get('e');
  if (!Number.isSafeInteger(number) || !epoch) return undefined;
  const type = record.get('t');
  const head = { number, epoch, ...readOrigin(record.get('s') ?? '') };
  if (type === HEARTBEAT) return { ...head, change: undefined };
  const [payload, debt] = [record.get('k'), record.get('d')];
  if (type === SEALED) return { ...head, change: undefined, debt, sealed: payload };
  const isDone = head.sender === own && debt === undefined && OF_KEYS.test(type ?? '');
  const change = isDone ? DONE : decodeChange(type, payload);
  return change && { ...head, change, debt };
}

export interface TailEvents {
  now(): number;
  /** Who this process is in messages. */
  readonly own: string;
  /** `undefined` = rubbish. */
  message(id: string, message: Message | undefined): void;
  /** All that was in the stream at that time has been told. */
  complete(at: number): void;
}

/**
 * Reads the stream from `cursor` on until `current()` says otherwise. Rejects when the connection fails.
 */
export async function tail(
  client: Client,
  stream: string,
  cursor: string,
  current: () => boolean,
  events: TailEvents,
): Promise<void> {
  let last = cursor;
  while (current()) {
    const asked = events.now();
    let heard = 0;
    const reply = await client.xread('COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', stream, last);
    for (const [, entries] of reply ?? []) {
      for (const [id, fields] of entries) {
        if (!current()) return;
        last = id;
        heard++;
        events.message(id, decodeMessage(fields, events.own));
      }
    }
    // A full answer says nothing of what comes behind it.
    if (heard < COUNT) events.complete(asked);
  }
}

/** Messages with their places in the stream. */
type Placed = readonly (readonly [id: string, message: Message | undefined])[];

/** Entries up to `end`, or before it where it begins with `(`; the last one first, as many as come at a time. */
export async function before(commands: Commands, stream: string, end: string): Promise<Placed> {
  const reply = await commands.call(stream, 'XREVRANGE', stream, end, '-', 'COUNT', COUNT);
  return decodeEntries(reply as Entries);
}

/** Entries after `cursor`, as many as come at a time. */
export async function after(commands: Commands, stream: string, cursor: string): Promise<Placed> {
  const reply = (await commands.call(
    stream,
    'XREAD',
    'COUNT',
    COUNT,
    'STREAMS',
    stream,
    cursor,
  )) as readonly [Buffer, Entries] | readonly [readonly [Buffer, Entries]] | null;
  if (!reply) return [];
  // By stream: a list of pairs, or in RESP3 a map, which comes flat.
  const [, entries] = isFlat(reply) ? reply : reply[0];
  return decodeEntries(entries);
}

type Entries = readonly (readonly [id: Buffer, fields: readonly Buffer[]])[];

function decodeEntries(entries: Entries): Placed {
  return entries.map(([id, fields]) => [String(id), decodeMessage(fields.map(String))]);
}

function isFlat(reply: readonly unknown[]): reply is readonly [Buffer, Entries] {
  return Buffer.isBuffer(reply[0]);
}
