/** Hears what was told while this process was not connected, if it can be proved that nothing is missing. */
import { GUARD_MS } from '../../coherence/holds.js';
import { after, type Message } from './backplane.js';
import type { Commands } from './commands.js';
import type { Session } from './session.js';

/** More costs longer than to forget everything, and the stream keeps no more. */
const MOST = 10_000;

/**
 * From where the old session has ended to where the new one begins: the same epoch and replication history, and every number
 * one more than the one before. What was told twice does no harm; where a number is missing all of it counts for nothing.
 */
export async function replay(
  commands: Commands,
  stream: string,
  old: Session | undefined,
  session: Session,
  onMessage: (message: Message) => void,
): Promise<boolean> {
  if (!old || old.epoch !== session.epoch) return false;
  if (old.history === '' || old.history !== session.history) return false;
  const gap = session.lastNumber - old.lastNumber;
  if (gap < 0 || gap > MOST) return false;
  let { cursor, lastNumber } = old;
  while (lastNumber < session.lastNumber) {
    const entries = await after(commands, stream, cursor);
    if (entries.length === 0) return false;
    for (const [id, message] of entries) {
      if (message?.epoch !== session.epoch || message.number !== lastNumber + 1) return false;
      [cursor, lastNumber] = [id, message.number];
      onMessage(message);
    }
  }
  session.cursor = cursor;
  session.lastNumber = lastNumber;
  return true;
}

/**
 * Which keys are being written: told again to who comes in or has missed messages, for the writer may be gone and tell it no
 * more. A guard that has ended since is held a little too long, which costs its key a moment in memory.
 */
export async function recallGuards(
  commands: Commands,
  stream: string,
  session: Session,
  onMessage: (message: Message) => void,
): Promise<void> {
  // Both are the server's time: ids of a stream begin with it.
  const last = Number.parseInt(session.cursor, 10);
  let cursor = `${Math.max(last - GUARD_MS, 0)}-0`;
  while (cursor !== session.cursor) {
    const entries = await after(commands, stream, cursor);
    if (entries.length === 0) return;
    for (const [id, message] of entries) {
      cursor = id;
      const kind = message?.change?.kind;
      if (message && (kind === 'guard' || kind === 'unguard')) onMessage(message);
      if (id === session.cursor) return;
    }
  }
}
