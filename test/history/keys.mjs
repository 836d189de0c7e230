// The keys of a run: which tags they have, and who may change them how.

const TAGGED = { 'tagged:0': ['t'], 'tagged:1': ['t'], 'tagged:2': ['t', 'u'] };
const PLAIN = ['plain:0', 'plain:1', 'plain:2'];

export const tagsOf = (key) => TAGGED[key] ?? [];

/** Keys that carry a tag: their versions rise with it. */
export function keysOf(tag) {
  return Object.keys(TAGGED).filter((key) => TAGGED[key].includes(tag));
}

/**
 * A key that is set has one owner, who makes one change after the other: two who set one key without knowing of each other
 * have no order that a cache could keep.
 */
export const owned = (process) => `owned:${process}`;

export function allKeys(processes) {
  const owners = Array.from({ length: processes }, (_, process) => owned(process));
  return [...PLAIN, ...Object.keys(TAGGED), ...owners];
}

export const shared = [...PLAIN, ...Object.keys(TAGGED)];
