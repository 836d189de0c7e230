/** The highest of many figures, without putting all of them in order: plans look at many keys. Pure. */

/**
 * The figure that so many others are smaller than or equal to, 0 ≤ `rank` < length; the array is rearranged. C. A. R. Hoare,
 * "Algorithm 65: Find", 1961: takes time in proportion to the length, where sorting takes ten times as long for ten thousand.
 */
export function atRank(figures: Float64Array, rank: number): number {
  let [low, high] = [0, figures.length - 1];
  while (low < high) {
    const pivot = figures[(low + high) >> 1];
    let [left, right] = [low, high];
    while (left <= right) {
      while (figures[left] < pivot) left++;
      while (figures[right] > pivot) right--;
      if (left > right) break;
      [figures[left], figures[right]] = [figures[right], figures[left]];
      left++;
      right--;
    }
    if (rank <= right) high = right;
    else if (rank >= left) low = left;
    else break;
  }
  return figures[rank];
}

/** Where so many of the highest figures stand, in the order of their places; all that are equal to the last one are among them. */
export function highest(figures: Float64Array, most: number): number[] {
  if (most <= 0) return [];
  const spare = figures.length - Math.floor(most);
  const least = spare > 0 ? atRank(figures.slice(), spare) : -Infinity;
  const places: number[] = [];
  figures.forEach((figure, place) => {
    if (figure >= least) places.push(place);
  });
  return places;
}
