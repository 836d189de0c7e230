/** What a text may cost to parse, found out before it is parsed: how deeply it nests and how many values it holds. */

/** Shorter texts cost little, whatever they hold: they are not looked through. */
const LOOKED_THROUGH_FROM = 256 * 1024;
/** Values nest 256 deep at most (value.ts), and each may be written as three levels. */
const MAX_DEPTH = 800;
/** As many as fit into an envelope that is not packed; each is some tens of bytes on the heap. */
const MAX_VALUES = 512 * 1024;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Whether the JSON that begins at `start` may be parsed. Says nothing about its being JSON. */
export function isParsable(bytes: Buffer, start = 0): boolean {
  if (bytes.length - start < LOOKED_THROUGH_FROM) return true;
  let [depth, values] = [0, 1];
  for (let at = start; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfText(bytes, at);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        values++;
        if (++depth > MAX_DEPTH) return false;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
      case COLON:
        values++;
        break;
      default:
    }
    if (values > MAX_VALUES) return false;
  }
  return true;
}

/** Where the text that begins at `at` ends; the last byte where it does not. */
function endOfText(bytes: Buffer, at: number): number {
  let end = bytes.indexOf(QUOTE, at + 1);
  while (end > 0 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1);
  return end < 0 ? bytes.length : end;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let backslashes = 0;
  while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
