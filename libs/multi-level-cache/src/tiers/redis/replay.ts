/** Hears what was told while this process was not connected, if it can be proved that nothing is missing. */
import { GUARD_MS } from '../../coherence/holds.js';
import type { Sequences } from '../../coherence/sequences.js';
import { after, before, type Message } from './backplane.js';
import type { Commands } from './commands.js';
import type { Session } from './session.js';
import { RECENT, type Heard } from './stream-seal.js';

/** More costs longer than to forget everything, and the stream keeps no more. */
const MOST = 10_000;

/** Where messages are read from, and what becomes of them. */
export interface Hearing {
  readonly commands: Commands;
  readonly stream: string;
  /** Whether a message is to be believed: by one record of what has been heard, once. */
  readonly judge: (told: Message | undefined, sequences: Sequences, since: number) => Heard;
  readonly hear: (message: Message) => void;
}

/**
 * From where the old session has ended to where the new one begins: the same epoch and replication history, and every number
 * one more than the one before. What was told twice does no harm; where a number is missing all of it counts for nothing.
 */
export async function replay(
  { commands, stream, judge, hear }: Hearing,
  old: Session | undefined,
  session: Session,
): Promise<boolean> {
  if (!old || old.epoch !== session.epoch) return false;
  if (old.history === '' || old.history !== session.history) return false;
  const gap = session.lastNumber - old.lastNumber;
  if (gap < 0 || gap > MOST) return false;
  let { cursor, lastNumber } = old;
  // A copy: where this comes to nothing, the same messages are read again.
  const sequences = old.sequences.copy();
  while (lastNumber < session.lastNumber) {
    const entries = await after(commands, stream, cursor);
    if (entries.length === 0) return false;
    for (const [id, told] of entries) {
      const message = judge(told, sequences, lastNumber);
      cursor = id;
      if (message === 'refused') continue;
      if (message?.epoch !== session.epoch || message.number !== lastNumber + 1) return false;
      lastNumber = message.number;
      hear(message);
    }
  }
  session.cursor = cursor;
  session.lastNumber = lastNumber;
  session.sequences = sequences;
  return true;
}

/**
 * Which keys are being written: told again to who comes in or has missed messages, for the writer may be gone and tell it no
 * more. A guard that has ended since is held a little too long, which costs its key a moment in memory.
 */
export async function recallGuards(
  { commands, stream, judge, hear }: Hearing,
  session: Session,
): Promise<void> {
  let cursor = recallFrom(session);
  while (cursor !== session.cursor) {
    const entries = await after(commands, stream, cursor);
    if (entries.length === 0) return;
    for (const [id, told] of entries) {
      cursor = id;
      // As recent as its number says: of what is read here only guards count, and they end by themselves.
      const message = judge(told, session.sequences, told?.number ?? 0);
      if (message && message !== 'refused' && isGuard(message)) hear(message);
      if (id === session.cursor) return;
    }
  }
}

/** What others have told lately, so that none of it is believed once more; to be called before guards are recalled. */
export async function recallSequences(
  { commands, stream, judge }: Hearing,
  session: Session,
): Promise<void> {
  let end = recallFrom(session);
  for (let read = 0; read < RECENT;) {
    const entries = await before(commands, stream, end);
    if (entries.length === 0) return;
    for (const [id, told] of entries) {
      end = `(${id}`;
      read++;
      judge(told, session.sequences, told?.number ?? 0);
    }
  }
}

function isGuard({ change }: Message): boolean {
  return change?.kind === 'guard' || change?.kind === 'unguard';
}

/** Both are the server's time: ids of a stream begin with it. */
function recallFrom({ cursor }: Session): string {
  return `${Math.max(Number.parseInt(cursor, 10) - GUARD_MS, 0)}-0`;
}
