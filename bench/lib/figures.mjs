// What is made of figures that were taken in turns: medians with the least and the most, and ratios turn by turn.

export function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const spreadOf = (values) => ({
  median: median(values),
  least: Math.min(...values),
  most: Math.max(...values),
});

/** Turn by turn: what slowed both of one turn down is in neither ratio. */
export const ratios = (values, base) => values.map((value, turn) => value / base[turn]);

/** A row of a table by its name; a benchmark that has lost one must not go on. */
export function rowOf(table, name) {
  const row = table.rows.find((one) => one.name === name);
  if (!row?.values) throw new Error(`"${table.title}" has no figures of ${name}`);
  return row;
}

/** The row that did best, of those that pass. */
export function bestOf(table, passes) {
  const sign = table.better === 'less' ? -1 : 1;
  const rows = table.rows.filter((row) => row.values && passes(row));
  if (rows.length === 0) throw new Error(`"${table.title}" has nobody to compare with`);
  return rows.reduce((best, row) =>
    sign * (median(row.values) - median(best.values)) > 0 ? row : best,
  );
}

/** At most three figures that mean something. */
export function digits(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(size >= 1e7 ? 1 : 2)}M`;
  if (size >= 1e4) return `${Math.round(value / 1e3)}k`;
  if (size >= 1e3) return `${(value / 1e3).toFixed(1)}k`;
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}
