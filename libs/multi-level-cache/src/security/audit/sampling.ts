/** Which events are kept where a share is: all of one trace or none, on every instance alike. Pure. */
import type { AuditEvent } from '../../core/audit.js';

const STEPS = 2 ** 32;

/** The same text is in or out everywhere; of many texts this share is in. */
export function sampled(text: string, share: number): boolean {
  return share >= 1 || (share > 0 && spread(text) / STEPS < share);
}

/** @param random - decides for a call without a trace and without a request. */
export function keeps(
  { type, traceId, requestId }: AuditEvent,
  shares: { readonly mutations: number; readonly reads: number },
  random: () => number,
): boolean {
  if (type !== 'mutation' && type !== 'read') return true;
  const share = type === 'read' ? shares.reads : shares.mutations;
  if (share >= 1 || share <= 0) return share >= 1;
  const name = traceId ?? requestId;
  return name === undefined ? random() < share : sampled(name, share);
}

/** FNV-1a, then MurmurHash3's last step, without which texts of one length and beginning lie close together. */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash ^= text.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
