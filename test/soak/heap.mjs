// Whether memory is flat: what the processes had on their heaps, early and late.

/** Share of the looks that belong to warming up: code is compiled, tables grow to their size. */
const WARM_UP = 0.2;
/** Below that there is nothing to compare. */
const LEAST = 6;

/**
 * Of the process that grew most: the median of the first third after warming up, that of the last third, and the difference, all
 * in bytes; `undefined` = too few looks.
 */
export function growth(heaps) {
  const byProcess = new Map();
  for (const { process, bytes } of heaps)
    byProcess.set(process, [...(byProcess.get(process) ?? []), bytes]);
  let most;
  for (const all of byProcess.values()) {
    const looks = all.slice(Math.ceil(all.length * WARM_UP));
    if (looks.length < LEAST) return undefined;
    const third = Math.floor(looks.length / 3);
    const [early, late] = [median(looks.slice(0, third)), median(looks.slice(-third))];
    if (!most || late - early > most.grown) most = { early, late, grown: late - early };
  }
  return most;
}

function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1];
}
