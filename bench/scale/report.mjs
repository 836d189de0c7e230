// Curves and unit costs, for a screen and for the documentation.
import { table } from '../lib/markers.mjs';

function figure(value, digits) {
  if (!Number.isFinite(value)) return '–';
  if (digits !== undefined) return value.toFixed(digits);
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const nameOf = ({ name, unit }) => (unit ? `${name}, ${unit}` : name);

function rowsOf({ x, columns }) {
  return x.values.map((value, at) => [
    x.names?.[at] ?? value.toLocaleString('en'),
    ...columns.map(({ values, digits }) => figure(values[at], digits)),
  ]);
}

export function curveText(curve) {
  const head = [curve.x.label, ...curve.columns.map(nameOf)];
  const lines = head.map((name, at) =>
    [name.padEnd(36), ...rowsOf(curve).map((row) => row[at].padStart(12))].join(''),
  );
  return `\n${curve.title}\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

export function curveTable(curve) {
  const rows = table([curve.x.label, ...curve.columns.map(nameOf)], rowsOf(curve));
  const images = curve.charts.map(({ file, title }) => `![${title}](images/${file})`);
  return [rows, ...images].join('\n\n');
}

export function chartsOf({ x, columns, charts }) {
  return charts.map(({ file, title, of, linear }) => {
    const lines = of.map((name) => columns.find((column) => column.name === name));
    return [file, { title, x, lines, linear }];
  });
}

export function unitText(found) {
  return found
    .map(({ what, unit, values, digits }) => {
      const figures = values.map((value) => figure(value, digits).padStart(10)).join('');
      return `  ${what.padEnd(66)} ${figures} ${unit}`;
    })
    .join('\n');
}

export function unitTable(found) {
  return table(
    ['name', 'what', 'one at a time', 'many in flight'],
    found.map(({ id, what, unit, values, digits }) => [
      `\`${id}\``,
      what,
      ...(values.length === 1 ? [...values, ''] : values).map((value) =>
        value === '' ? '' : `${figure(value, digits)} ${unit}`,
      ),
    ]),
  );
}
