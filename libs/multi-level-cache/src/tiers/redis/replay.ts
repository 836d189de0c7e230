/** Hears what was told while this process was not connected, if it can be proved that nothing is missing. */
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
