/** What processes tell each other through one Redis stream: the messages, and the loop that reads them. */
import type { Change, RemoteChange } from '../../core/tier.js';
import { BLOCK_MS, type Client } from './connection.js';

const COUNT = 500;

export interface Message {
  /** Number of the change: one more than that of the message before. */
  readonly number: number;
  readonly epoch: string;
  /** `undefined` = a heartbeat: it tells the number and the epoch, and nothing has changed. */
  readonly change: RemoteChange | undefined;
}

/** Type of a heartbeat. */
export const HEARTBEAT = 'h';

/** Type and payload of a change as they go over the wire; values never do. */
export function encodeChange(change: Change): { type: 'd' | 'x' | 't'; payload: string } {
  if (change.kind === 'tags')
    return {
      type: 't',
      payload: JSON.stringify([change.tenant, change.tags, ...(change.soft ? [1] : [])]),
    };
  const keys = change.addresses.map(({ scope, key }) => [scope.tenant, scope.cache, key]);
  const alive = change.kind === 'expire' || change.kind === 'touch';
  return { type: alive ? 'x' : 'd', payload: JSON.stringify(keys) };
}

/** The message in a stream entry, or `undefined` where it is not ours. */
export function decodeMessage(fields: readonly string[]): Message | undefined {
  const record = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) record.set(fields[at], fields[at + 1]);
  const number = Number(record.get('n'));
  const epoch = record.get('e');
  if (!Number.isSafeInteger(number) || !epoch) return undefined;
  const type = record.get('t');
  if (type === HEARTBEAT) return { number, epoch, change: undefined };
  const change = decodeChange(type, record.get('k'));
  return change && { number, epoch, change };
}

function decodeChange(
  type: string | undefined,
  payload: string | undefined,
): RemoteChange | undefined {
  try {
    const body: unknown = JSON.parse(payload ?? '');
    if (!Array.isArray(body)) return undefined;
    if (type === 'd' || type === 'x')
      return body.every(isKey)
        ? { kind: type === 'd' ? 'delete' : 'expire', keys: body }
        : undefined;
    const [tenant, tags, soft] = body as unknown[];
    return type === 't' && typeof tenant === 'string' && isTexts(tags)
      ? { kind: 'tags', tenant, tags, ...(soft === 1 ? { soft: true } : {}) }
      : undefined;
  } catch {
    return undefined;
  }
}

function isKey(value: unknown): value is readonly [string, string, string] {
  return isTexts(value) && value.length === 3;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

/**
 * Reads the stream from `cursor` on until `current()` says otherwise; `onMessage` gets `undefined` for rubbish.
 * Rejects when the connection fails.
 */
export async function tail(
  client: Client,
  stream: string,
  cursor: string,
  current: () => boolean,
  onMessage: (message: Message | undefined) => void,
): Promise<void> {
  let last = cursor;
  while (current()) {
    const reply = await client.xread('COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', stream, last);
    for (const [, entries] of reply ?? []) {
      for (const [id, fields] of entries) {
        if (!current()) return;
        last = id;
        onMessage(decodeMessage(fields));
      }
    }
  }
}
