// A table as bars: an SVG by hand, small, on a card of its own so that it can be read on any page.
import { digits, ratios, rowOf, spreadOf } from './figures.mjs';
import { escaped } from './svg.mjs';

const WIDTH = 760;
const LABEL = 256;
const FIGURE = 70;
const ROW = 24;
const TOP = 58;
const BOTTOM = 34;
const PAD = 18;
const PLOT = WIDTH - LABEL - FIGURE - PAD;

const STYLE = `
  .card { fill: #ffffff; stroke: #d0d7de; } .title { font-weight: 600; }
  text { font: 13px system-ui, sans-serif; fill: #1f2328; } .soft { fill: #59636e; font-size: 12px; }
  .grid { stroke: #d0d7de; } .base { stroke: #59636e; stroke-dasharray: 4 3; } .range { stroke: #1f2328; stroke-width: 1.5; }
  .ours { fill: #1f6feb; } .raw { fill: #8c959f; } .peer { fill: #c9a26b; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #3d444d; } text { fill: #f0f6fc; } .soft { fill: #9198a1; }
    .grid { stroke: #3d444d; } .base { stroke: #9198a1; } .range { stroke: #f0f6fc; }
    .ours { fill: #4493f8; } .raw { fill: #7d8590; } .peer { fill: #9e7a43; }
  }`;

/** Ratios to the base where the table has one, else its figures. */
export function chartOf(table, heading) {
  const rows = barsOf(table);
  const step = stepOf(Math.max(...rows.map(({ most }) => most)));
  const end = step * Math.ceil(Math.max(...rows.map(({ most }) => most)) / step);
  const x = (value) => LABEL + (value / end) * PLOT;
  const bottom = TOP + rows.length * ROW;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_none, at) => at * step);
  const what = table.base ? `times ${table.base}` : table.unit;
  const better = table.better === 'less' ? 'less is better' : 'more is better';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + BOTTOM}" role="img" aria-label="${escaped(heading)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${bottom + BOTTOM - 1}" rx="8"/>`,
    `<text class="title" x="${PAD}" y="26">${escaped(heading)}</text>`,
    `<text class="soft" x="${PAD}" y="44">${escaped(`${what}; ${better}; thin lines from the least to the most`)}</text>`,
    ...ticks.flatMap((tick) => [
      `<line class="grid" x1="${fixed(x(tick))}" x2="${fixed(x(tick))}" y1="${TOP}" y2="${bottom}"/>`,
      `<text class="soft" text-anchor="middle" x="${fixed(x(tick))}" y="${bottom + 18}">${tickText(tick)}</text>`,
    ]),
    ...rows.flatMap((row, at) => barOf(row, TOP + at * ROW, x)),
    ...(table.base
      ? [`<line class="base" x1="${fixed(x(1))}" x2="${fixed(x(1))}" y1="${TOP}" y2="${bottom}"/>`]
      : []),
    '</svg>\n',
  ].join('\n');
}

function barsOf(table) {
  const base = table.base && rowOf(table, table.base).values;
  return table.rows
    .filter(({ values }) => values)
    .map(({ name, kind, values }) => ({
      name,
      kind,
      ...spreadOf(base ? ratios(values, base) : values),
    }));
}

function barOf({ name, kind, median, least, most }, y, x) {
  const middle = y + ROW / 2;
  return [
    `<text text-anchor="end" x="${LABEL - 8}" y="${middle + 4}">${escaped(name)}</text>`,
    `<rect class="${kind}" x="${LABEL}" y="${y + 4}" width="${fixed(Math.max(x(median) - LABEL, 1))}" height="${ROW - 8}" rx="2"/>`,
    `<line class="range" x1="${fixed(x(least))}" x2="${fixed(x(most))}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${fixed(x(most) + 6)}" y="${middle + 4}">${digits(median)}</text>`,
  ];
}

/** 1, 2 or 5 times a power of ten, so that there are four to ten of them. */
function stepOf(most) {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  return power * ([1, 2, 5, 10].find((step) => most / (power * step) <= 8) ?? 10);
}

const fixed = (value) => value.toFixed(1);
const tickText = (tick) => String(Number(tick.toPrecision(3)));
