/**
 * Seals what this process tells through the stream, and judges what it hears: sealed by an instance of this application, in this
 * place, not long ago, and not heard before.
 *
 * The number of a message is given by the script that stores it, and is not covered: it has to follow the one before, and decides
 * nothing but that.
 */
import { randomBytes } from 'node:crypto';
import type { Sequences } from '../../coherence/sequences.js';
import { decodeChange, type WrittenDebt } from '../../core/change.js';
import { SEALED, type MessageSeal } from '../../core/message-seal.js';
import { spellOrigin } from '../../core/origin.js';
import { HEARTBEAT, type Message } from './backplane.js';

/**
 * Whoever is heard of for the first time may know of numbers that are so many behind; what he said before has been read by whoever
 * comes in.
 */
export const RECENT = 4_096;
const NOBODY = '-';

/** What a message says, as `encodeChange` spells it. */
type Told = Pick<WrittenDebt, 'type' | 'payload'>;

/** What stands beside it in the stream. */
interface Beside {
  readonly epoch: string;
  readonly sender: string;
  /** Empty = none. */
  readonly debt: string;
  /** The highest number that this process knows. */
  readonly known: number;
}

/** A message as it is to be taken; `undefined` = it is not ours, or newer; `'refused'` = nothing follows from it. */
export type Heard = Message | undefined | 'refused';

export class StreamSeal {
  /** Who counts: also where everybody, this process included, is to hear what it tells. */
  readonly #sealer = randomBytes(6).toString('hex');
  #sequence = 0;

  constructor(readonly seal: MessageSeal) {}

  wrap({ type, payload }: Told, { epoch, sender, debt, known }: Beside): Told {
    const head = [this.#sealer, ++this.#sequence, known, epoch, sender || NOBODY, type];
    const text = `${head.join(' ')} ${payload}`;
    return { type: SEALED, payload: this.seal.seal('stream', text, [debt]) };
  }

  /** @param since - the number before: of the stream as it is known here, never what the message says of itself. */
  judge(told: Message | undefined, sequences: Sequences, since: number): Heard {
    const text = told?.sealed && this.seal.open('stream', told.sealed, [told.debt ?? '']);
    const found = text && partsOf(text);
    if (!told || !found) return 'refused';
    const { sealer, sequence, known, epoch, sender, type, payload } = found;
    if (epoch !== told.epoch || sender !== spellOrigin(told)) return 'refused';
    if (!sequences.knows(sealer) && known < since - RECENT) return 'refused';
    if (sequences.hear(sealer, sequence) !== 'new') return 'refused';
    const message = { ...told, sealed: undefined };
    if (type === HEARTBEAT) return message;
    const change = decodeChange(type, payload);
    return change && { ...message, change };
  }

  /** The script writes one text into the stream and into the book. As a debt it is one more removal, whenever it was told. */
  openDebt(id: string, sealed: string): Told | undefined {
    const text = this.seal.open('stream', sealed, [id]);
    return text === undefined ? undefined : partsOf(text);
  }
}

interface Parts extends Told {
  readonly sealer: string;
  readonly sequence: number;
  readonly known: number;
  readonly epoch: string;
  readonly sender: string;
}

function partsOf(text: string): Parts | undefined {
  const found = /^(\S+) (\d+) (\d+) (\S+) (\S+) (\S+) (.*)$/s.exec(text);
  if (!found) return undefined;
  const [, sealer, sequence, known, epoch, sender, type, payload] = found;
  return {
    sealer,
    sequence: Number(sequence),
    known: Number(known),
    epoch,
    sender: sender === NOBODY ? '' : sender,
    type,
    payload,
  };
}
