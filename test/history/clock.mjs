// The one clock of a run: monotonic, and the same for all processes of this machine.

/** Ms since some moment that is the same for all. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Whole milliseconds at random. */
export function pause(most) {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * most));
}
