// Small line charts as SVG, written by hand: readable on a light and on a dark page, and in black and white by their marks.
import { writeFile } from 'node:fs/promises';
import { inRepository } from './markers.mjs';
import { escaped } from './svg.mjs';

const WIDTH = 720;
const HEIGHT = 340;
const LEFT = 64;
const RIGHT = 190;
const TOP = 44;
const BOTTOM = 46;
const MARKS = [
  (x, y) => `<circle cx="${x}" cy="${y}" r="4"/>`,
  (x, y) => `<rect x="${x - 4}" y="${y - 4}" width="8" height="8"/>`,
  (x, y) => `<path d="M${x} ${y - 5}l5 9h-10z"/>`,
  (x, y) => `<path d="M${x} ${y - 5}l5 5l-5 5l-5 -5z"/>`,
];
/** Apart for those who see few colours, and against both pages. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 14px; font-weight: 600 }
  .page { fill: #ffffff } .grid { stroke: #d1d9e0 } .line { fill: none; stroke-width: 2 }
  .s0 { stroke: #0550ae; fill: #0550ae } .s1 { stroke: #bc4c00; fill: #bc4c00 }
  .s2 { stroke: #116329; fill: #116329 } .s3 { stroke: #8250df; fill: #8250df }
  text.s0, text.s1, text.s2, text.s3 { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .page { fill: #0d1117 } .grid { stroke: #3d444d }
    .s0 { stroke: #79c0ff; fill: #79c0ff } .s1 { stroke: #ffa657; fill: #ffa657 }
    .s2 { stroke: #7ee787; fill: #7ee787 } .s3 { stroke: #d2a8ff; fill: #d2a8ff }
  }
  .line { fill: none !important }`;

/**
 * @param x - `values`, and `names` where they are to be shown as something else; `log` where each is a multiple of the one before
 * @param lines - up to four, each with a `name` and as many `values`; what is not a number is left out
 * @param linear - figures from 0 on, instead of powers of ten
 */
export function lineChart({ title, x, lines, linear = false }) {
  const across = scale(x.values, x.log ? Math.log : (value) => value, LEFT + 14, WIDTH - RIGHT);
  const all = lines.flatMap(({ values }) => values).filter(Number.isFinite);
  const ticks = linear ? linearTicks(all) : logTicks(all);
  const ends = [ticks[0], ticks.at(-1)];
  const up = scale(ends, linear ? (value) => value : Math.log, HEIGHT - BOTTOM, TOP);
  const grid = ticks.map((tick) => {
    const y = round(up(tick));
    return `<path class="grid" d="M${LEFT} ${y}H${WIDTH - RIGHT + 8}"/><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${short(tick)}</text>`;
  });
  const names = x.values.map(
    (value, at) =>
      `<text x="${round(across(value))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${x.names?.[at] ?? short(value)}</text>`,
  );
  const drawn = lines.map(({ values }, index) => {
    const points = values.flatMap((value, at) =>
      Number.isFinite(value) ? [[round(across(x.values[at])), round(up(value))]] : [],
    );
    const marks = points.map(([left, top]) => MARKS[index](left, top)).join('');
    return `<path class="line s${index}" d="M${points.map((point) => point.join(' ')).join('L')}"/><g class="s${index}">${marks}</g>`;
  });
  const last = lines.map(({ values }) => up(values.findLast(Number.isFinite)));
  const labels = apart(last).map(
    (y, index) =>
      `<text class="s${index}" x="${WIDTH - RIGHT + 16}" y="${round(y) + 4}">${escaped(lines[index].name)}</text>`,
  );
  const label = `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(x.label)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>
<text class="title" x="16" y="24">${escaped(title)}</text>
${[...grid, ...names, label, ...drawn, ...labels].join('\n')}
</svg>
`;
}

export async function writeChart(path, chart) {
  await writeFile(inRepository(path), lineChart(chart));
}

function scale(values, by, from, to) {
  const [least, most] = [by(Math.min(...values)), by(Math.max(...values))];
  return (value) =>
    most === least ? (from + to) / 2 : from + ((by(value) - least) / (most - least)) * (to - from);
}

/** Powers of ten, with 2 and 5 between them where there are few. */
function logTicks(values) {
  const positive = values.filter((value) => value > 0);
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  const steps = most / least > 200 ? [1] : [1, 2, 5];
  const all = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++)
    for (const step of steps) all.push(step * 10 ** power);
  const from = all.findLastIndex((tick) => tick <= least);
  const to = all.findIndex((tick) => tick >= most);
  return all.slice(from, Math.max(to, from + 1) + 1);
}

function linearTicks(values) {
  const most = Math.max(...values);
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1, 2].map((part) => part * power).find((part) => most / part <= 6);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_none, at) => at * step);
}

/** Names beside the ends of lines, moved until none lies upon another. */
function apart(ys) {
  const order = ys.map((_y, at) => at).sort((a, b) => ys[a] - ys[b]);
  const placed = [...ys];
  for (let at = 1; at < order.length; at++)
    placed[order[at]] = Math.max(placed[order[at]], placed[order[at - 1]] + 16);
  const over = placed[order.at(-1)] - (HEIGHT - BOTTOM);
  return over > 0 ? placed.map((y) => y - over) : placed;
}

const round = (number) => Math.round(number * 10) / 10;

function short(number) {
  if (number >= 1e6) return `${round(number / 1e6)}M`;
  if (number >= 1e3) return `${round(number / 1e3)}k`;
  return String(Number(number.toPrecision(3)));
}
