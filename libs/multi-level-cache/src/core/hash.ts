/** A hash of texts for tables and counters in memory: cheap and even, and no secret. Names in stores are hashed by key.ts. */

/** FNV-1a of 32 bits over UTF-16 units; `from` is the hash of what stands before the text. */
export function hashOf(text: string, from = 0x811c9dc5): number {
  let hash = from;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
