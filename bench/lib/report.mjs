// What a run says on the screen.
import { digits, ratios, rowOf, spreadOf } from './figures.mjs';

const range = ({ median, least, most }, show) => `${show(median)} (${show(least)}–${show(most)})`;

/** `[name, figures, ratio to the base]` of each row; `–` where a subject cannot do it. */
export function cellsOf(table) {
  const base = table.base && rowOf(table, table.base).values;
  return table.rows.map(({ name, values }) =>
    values
      ? [
          name,
          range(spreadOf(values), digits),
          base ? range(spreadOf(ratios(values, base)), (value) => value.toFixed(2)) : '',
        ]
      : [name, '–', ''],
  );
}

const numberOf =
  ({ unit }) =>
  (value) =>
    unit === undefined ? value.toFixed(2) : digits(value);

/** `[id, what, figure, bar, verdict]` of each bar. */
export function verdictCells(verdicts) {
  return verdicts.map(({ bar, worst, verdict, why }) => {
    const show = numberOf(bar);
    const limit = bar.least === undefined ? `≤ ${bar.most}` : `≥ ${bar.least}`;
    return [
      bar.id,
      bar.of,
      worst ? `${range(worst, show)}${bar.unit ?? ''}` : '–',
      `${limit}${bar.unit ?? ''}`,
      why ? `${verdict}: ${why}` : verdict,
    ];
  });
}

/** Columns as wide as their widest. */
export function aligned(rows, indent = '  ') {
  const widths = rows[0].map((_cell, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows.map((row) =>
    (indent + row.map((cell, at) => cell.padEnd(widths[at])).join('  ')).trimEnd(),
  );
}

export function scenarioLines({ title, tables, notes, load, judged, why }) {
  const lines = [`\n${title}`];
  for (const table of tables) {
    lines.push(`\n  ${table.title}: ${table.unit}${table.base ? `, and of ${table.base}` : ''}`);
    lines.push(...aligned(cellsOf(table), '    '));
  }
  lines.push(...notes.map((note) => `  ${note}`));
  lines.push(`  load average ${load[0]} before, ${load[1]} after${judged ? '' : `; ${why}`}`);
  return lines;
}

export const verdictLines = (verdicts) => ['\nBars', ...aligned(verdictCells(verdicts))];
