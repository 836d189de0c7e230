/** Roughly how often a name was seen lately, in a fixed space: a count-min sketch whose counts are halved now and then. Pure. */

const ROWS = 4;
const WIDTH = 2 ** 14;
const MOST = 255;
/** After so many additions every count is halved, so that what was seen long ago makes room. */
const HALVE_AT = 8 * WIDTH;

/**
 * Each row counts a name in one cell, found by a hash of its own; others may share a cell, so the smallest of the cells is the
 * best bound from above. G. Cormode, S. Muthukrishnan, "An improved data stream summary", 2005; halving as in TinyLFU.
 */
export class Sketch {
  readonly #cells = new Uint8Array(ROWS * WIDTH);
  #added = 0;

  /** Counts the name once more, and says how often it was seen. */
  add(name: string): number {
    let least = MOST;
    let hash = fnv(name);
    for (let row = 0; row < ROWS; row++) {
      const cell = row * WIDTH + (hash % WIDTH);
      if (this.#cells[cell] < MOST) this.#cells[cell]++;
      least = Math.min(least, this.#cells[cell]);
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
    }
    if (++this.#added >= HALVE_AT) this.#halve();
    return least;
  }

  #halve(): void {
    for (let cell = 0; cell < this.#cells.length; cell++) this.#cells[cell] >>>= 1;
    this.#added = 0;
  }
}

/** FNV-1a over UTF-16 units. */
function fnv(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++)
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
