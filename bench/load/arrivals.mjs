// When requests are due and which key each is for; decided before the run, so that nothing the cache does can change it.

/**
 * Ms from the start of a run at which each request is due, exactly `rate` times its seconds of them in each stretch. `poisson`: each
 * comes at a moment of its own, as from many users who know nothing of each other; `constant`: one after the other at one distance.
 *
 * @param stretches - seconds of each, such as warm-up and what is measured
 */
export function arrivals({ rate, stretches, kind, random = Math.random }) {
  const counts = stretches.map((seconds) => Math.round(rate * seconds));
  const due = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let [first, began] = [0, 0];
  for (const [index, count] of counts.entries()) {
    const part = due.subarray(first, first + count);
    if (kind === 'constant') part.forEach((_none, at) => (part[at] = at));
    else exponential(part, random);
    const whole = kind === 'constant' ? count : part.at(-1) - Math.log(1 - random());
    const span = stretches[index] * 1_000;
    for (let at = 0; at < count; at++) part[at] = began + (part[at] * span) / whole;
    first += count;
    began += span;
  }
  return due;
}

/** Exponential distances; stretched so that the last of them fits they are a Poisson process of which the count is given. */
function exponential(part, random) {
  let sum = 0;
  for (let at = 0; at < part.length; at++) part[at] = sum -= Math.log(1 - random());
}

/** Numbers of keys, the popular ones often: key k is asked for in proportion to (k + 1) ** -exponent. */
export function zipf({ keys, count, exponent = 1, random = Math.random }) {
  const shares = new Float64Array(keys);
  let sum = 0;
  for (let key = 0; key < keys; key++) shares[key] = sum += (key + 1) ** -exponent;
  return Uint32Array.from({ length: count }, () => {
    const wanted = random() * sum;
    let [from, to] = [0, keys - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (shares[middle] > wanted) to = middle;
      else from = middle + 1;
    }
    return from;
  });
}
