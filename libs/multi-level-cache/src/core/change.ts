/** What can be done with a change before a tier gets it. Pure. */
import type { Change } from './tier.js';

/** Changes of at most so many keys each that together are this one. */
export function partsOf(change: Change, most: number): readonly Change[] {
  if (change.kind === 'tags' || change.kind === 'touch' || change.addresses.length <= most)
    return [change];
  const parts: Change[] = [];
  for (let at = 0; at < change.addresses.length; at += most) {
    const addresses = change.addresses.slice(at, at + most);
    parts.push(
      change.kind === 'set'
        ? { ...change, addresses, entries: change.entries.slice(at, at + most) }
        : { ...change, addresses },
    );
  }
  return parts;
}

/**
 * What a tier above a stored value must forget, and what a tier that was away is owed: applied late, a `set` or a `touch`
 * could undo another process's newer write, a removal cannot.
 */
export function removal(change: Change): Change {
  return change.kind === 'set' || change.kind === 'touch'
    ? { kind: 'delete', addresses: change.addresses }
    : change;
}
