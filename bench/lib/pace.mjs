// How fast the processor is at this moment. Where its other half is lent to somebody else, as a virtual machine cannot know, what runs here is
// slowed by half without being interrupted: only work that keeps all of its units busy feels it.

const LENGTH = 300_000;
/** Steps per ms. */
let best = 0;
let sink = 0;

/** A share of the best that this process has seen, from a little above 0 to 1. */
export function pace() {
  const began = performance.now();
  sink ^= sums();
  const now = LENGTH / (performance.now() - began);
  best = Math.max(best, now);
  return now / best;
}

/** Sums that do not wait for each other. */
function sums() {
  let [a, b, c, d, e, f, g, h] = [1, 2, 3, 4, 5, 6, 7, 8];
  for (let at = 0; at < LENGTH; at++) {
    a = ((a + at) ^ b) | 0;
    b = (b + at) ^ at;
    c = ((c + at) ^ d) | 0;
    d = ((d ^ at) + 1) | 0;
    e = ((e + at) ^ f) | 0;
    f = ((f ^ at) + 3) | 0;
    g = ((g + at) ^ h) | 0;
    h = ((h ^ at) + 5) | 0;
  }
  return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
}

// It is compiled while it runs.
for (let more = 0; more < 20; more++) pace();
