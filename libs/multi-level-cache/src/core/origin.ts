/** Who tells a message, and which trace it is a part of: one word on the way. */

/** A `traceparent` of W3C Trace Context; whatever else stands there is none. */
const TRACE = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

export interface Origin {
  readonly sender: string;
  readonly trace?: string | undefined;
}

export function spellOrigin({ sender, trace }: Origin): string {
  return trace === undefined ? sender : `${sender}/${trace}`;
}

export function readOrigin(word: string): Origin {
  const at = word.indexOf('/');
  if (at < 0) return { sender: word };
  const trace = word.slice(at + 1);
  return { sender: word.slice(0, at), ...(TRACE.test(trace) ? { trace } : {}) };
}
