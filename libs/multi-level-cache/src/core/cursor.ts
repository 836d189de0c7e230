/** Where a page ended, as a text that says nothing to its holder; what comes back may be anything. Pure. */
import { invalid } from './entry-options.js';

const LONGEST = 16_384;

/** @param tier - only it takes the cursor back */
export function toCursor(tier: string, ...parts: readonly string[]): string {
  return Buffer.from(JSON.stringify([tier, ...parts])).toString('base64url');
}

/**
 * The parts of a cursor that this tier has made, each of them as its pattern wants.
 *
 * @throws CacheError `CACHE_OPTION_INVALID`
 */
export function fromCursor(
  cursor: string,
  tier: string,
  ...patterns: readonly RegExp[]
): readonly string[] {
  const [of, ...parts] = parsed(cursor);
  const fits = parts.length === patterns.length && patterns.every((one, at) => one.test(parts[at]));
  if (of !== tier || !fits) throw noCursor();
  return parts;
}

/** What is thrown where a cursor is none, or leads nowhere any more. */
export function noCursor(): Error {
  return invalid('cursor', 'is none that a page of this tier ended with; begin anew');
}

function parsed(cursor: string): readonly string[] {
  if (cursor.length > LONGEST) return [];
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : [];
  } catch {
    return [];
  }
}
