/** What processes tell each other through PostgreSQL: the channel, and the messages as they are sent and read. */
import { createHash, randomBytes } from 'node:crypto';
import { decodeChange, encodeChange, partsOf } from '../../core/change.js';
import { SEALED, type MessageSeal } from '../../core/message-seal.js';
import { readOrigin, spellOrigin, type Origin } from '../../core/origin.js';
import type { Change, RemoteChange } from '../../core/tier.js';

/** PostgreSQL refuses 8,000. */
const MAX_BYTES = 7_900;
/** Longest name of a channel. */
const MAX_NAME = 63;
/** What does not fit into any number of messages: everything in memory is to be forgotten. */
const ALL = '*';
const NONE = '-';
const PREFIX = `${SEALED} `;
/** A sequence and the signs around it. */
const SEQUENCE_BYTES = 20;

/** What was sealed. */
export interface Opened {
  readonly sender: string;
  /** Counted by its sender. */
  readonly sequence: number;
  readonly message: string;
}

/** A message: its change, or that anything may have changed. */
export type Notice =
  | {
      readonly change: RemoteChange;
      /** L2 has not taken it; under this name it stands in the outbox until it has. */
      readonly debt: string | undefined;
      /** The trace it is a part of where it was made. */
      readonly trace: string | undefined;
    }
  | 'all';

/** Where the processes of one application hear of each other. */
export function channelOf(schema: string, namespace: string): string {
  const name = `${schema}:${namespace}`;
  if (Buffer.byteLength(name) <= MAX_NAME) return name;
  // No namespace holds the sign after the colon.
  return `mlcache:#${createHash('sha256').update(name).digest('base64url')}`;
}

/** What this process has to say. */
export class Announcements {
  readonly #sender = randomBytes(6).toString('hex');
  #sequence = 0;
  /** Messages that were spelled. */
  published = 0;

  /** @param seal - without one messages are sent as they are */
  constructor(
    readonly channel: string,
    readonly seal?: MessageSeal | undefined,
  ) {}

  /** This process has made it in memory itself, and does not need to hear it. */
  areOf(message: string): boolean {
    return originOf(message).sender === this.#sender;
  }

  /** The last two parameters of a statement that announces what it does. */
  of(
    change: Change,
    debt?: string,
    trace?: string,
  ): [channel: string, messages: readonly string[]] {
    const origin = spellOrigin({ sender: this.#sender, trace });
    const bodies = this.#bodies(change, (debt?.length ?? 0) + origin.length);
    // A debt that is told in parts would be struck when the first of them has been paid: it is found in the outbox.
    const name = bodies.length === 1 && debt !== undefined ? debt : NONE;
    const messages = bodies.map((body) => `${origin} ${name} ${body}`);
    this.published += messages.length;
    return [this.channel, messages.map((message) => this.#sealed(message))];
  }

  /** A message as it was before it was sealed; `undefined` = no instance of this application has sealed it for this channel. */
  opened(sealed: string): Opened | undefined {
    const text = sealed.startsWith(PREFIX) ? sealed.slice(PREFIX.length) : '';
    const whole = this.seal?.open('notice', text, [this.channel]);
    const found = whole ? /^(\d+) (\S+ .*)$/s.exec(whole) : null;
    if (!found) return undefined;
    const [, sequence, message] = found;
    return { sequence: Number(sequence), message, sender: originOf(message).sender };
  }

  #sealed(message: string): string {
    if (!this.seal) return message;
    const text = `${++this.#sequence} ${message}`;
    return PREFIX + this.seal.seal('notice', text, [this.channel]);
  }

  /** For a message before it is sealed. */
  get #room(): number {
    return this.seal ? this.seal.roomIn(MAX_BYTES) - SEQUENCE_BYTES : MAX_BYTES;
  }

  #bodies(change: Change, more: number): readonly string[] {
    const { type, payload } = encodeChange(change);
    const body = `${type} ${payload}`;
    const bytes = NONE.length + 2 + more + Buffer.byteLength(body);
    if (bytes <= this.#room) return [body];
    const halves = halvesOf(change);
    return halves.length > 1 ? halves.flatMap((half) => this.#bodies(half, more)) : [ALL];
  }
}

/** What was said, or `undefined` where it is not ours. */
export function decodeNotice(message: string): Notice | undefined {
  const [, debt, type, payload] = /^\S+ (\S+) (\S+)(?: (.*))?$/s.exec(message) ?? [];
  if (type === ALL) return 'all';
  const change = decodeChange(type, payload);
  const { trace } = originOf(message);
  return change && { change, debt: debt === NONE ? undefined : debt, trace };
}

function originOf(message: string): Origin {
  return readOrigin(message.slice(0, Math.max(message.indexOf(' '), 0)));
}

function halvesOf(change: Change): readonly Change[] {
  if (change.kind !== 'tags') return partsOf(change, Math.ceil(change.addresses.length / 2));
  const middle = Math.ceil(change.tags.length / 2);
  return [change.tags.slice(0, middle), change.tags.slice(middle)]
    .filter((tags) => tags.length > 0)
    .map((tags) => ({ ...change, tags }));
}
