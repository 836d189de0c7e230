/** How large the table is, from a sample of its pages: an exact sum would cost as much as reading all of it. */

/** Pages of a sample; below that the whole table is read. */
const PAGES = 1_000;
const KEPT = 20;

/** Rows and bytes as one sample saw them. */
export interface Sample {
  readonly rows: number;
  readonly bytes: number;
}

/** Moving average of the last samples without the extremes: a few large values in a sample must not start an eviction. */
export class SizeEstimate {
  readonly #samples: Sample[] = [];

  /** Percent of a table of `pages` pages to look at. */
  static percent(pages: number): number {
    return pages <= PAGES ? 100 : Math.max((100 * PAGES) / pages, 0.01);
  }

  add({ rows, bytes }: Sample, percent: number): void {
    // An exact count is worth more than any number of guesses.
    if (percent === 100) this.#samples.length = 0;
    this.#samples.push({ rows: (rows * 100) / percent, bytes: (bytes * 100) / percent });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  get rows(): number {
    return Math.round(trimmedMean(this.#samples.map(({ rows }) => rows)));
  }

  get bytes(): number {
    return Math.round(trimmedMean(this.#samples.map(({ bytes }) => bytes)));
  }
}

function trimmedMean(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const cut = Math.floor(sorted.length / 4);
  const kept = sorted.slice(cut, sorted.length - cut);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}
