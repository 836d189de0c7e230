// Knows what will be asked for: the bound of what any predictor could save with the same loads. The sooner a value will be
// missed, the more it is worth; what will not be missed within its life is worth nothing.
export class Oracle {
  #times = new Map();
  #keyOf = [];

  constructor({ keys, times }) {
    keys.forEach((key, at) => {
      const list = this.#times.get(key);
      if (list) list.push(times[at]);
      else this.#times.set(key, [times[at]]);
    });
  }

  begin() {}
  observe() {}
  forget() {}

  /** Told by the replay, for a predictor is not: which key this is, and until when it has a value. */
  meet(id, key, freshUntil) {
    this.#keyOf[id] = { key, freshUntil };
  }

  score(id, { now, ttl }, into) {
    const { freshUntil, key } = this.#keyOf[id];
    const next = after(this.#times.get(key), Math.max(now, freshUntil));
    into.soon = 0;
    into.within = next < now + ttl ? 1 - (next - now) / (2 * ttl) : 0;
  }
}

/** The first time at or after this one. */
function after(times, from) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < from) low = middle + 1;
    else high = middle;
  }
  return times[low] ?? Infinity;
}
