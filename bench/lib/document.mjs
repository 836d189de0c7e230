// What a run leaves in docs/: a section between two marks of performance.md, and charts beside it.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { chartOf } from './chart.mjs';
import { cellsOf, verdictCells } from './report.mjs';

const DOCS = new URL('../../docs/', import.meta.url);
const BEGIN = '<!-- what `npm run bench -- --write` has measured -->';
const END = '<!-- end of it -->';

/** @param docs - the folder with performance.md and images/ */
export async function write(results, docs = DOCS) {
  const file = new URL('performance.md', docs);
  const text = between(readFileSync(file, 'utf8'), documentOf(results));
  const options = { parser: 'markdown', printWidth: 100, singleQuote: true };
  writeFileSync(file, await format(text, options));
  for (const { title, tables } of results.runs)
    for (const { chart, ...table } of tables)
      if (chart)
        writeFileSync(
          new URL(`images/bench-${chart}.svg`, docs),
          chartOf(table, `${title}: ${table.title}`),
        );
}

export function between(text, content) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('performance.md has lost its marks');
  return `${text.slice(0, begin + BEGIN.length)}\n\n${content}\n\n${text.slice(end)}`;
}

export function documentOf({ facts, runs, verdicts }) {
  return [
    `${facts.map(([name, value]) => `${name} ${value}`).join(' · ')}`,
    '### Bars',
    table(['', 'what', 'measured', 'bar', ''], verdictCells(verdicts)),
    ...runs.flatMap(section),
  ].join('\n\n');
}

function section({ title, tables, notes, load, judged, why }) {
  return [
    `### ${title}`,
    ...tables.flatMap((one) => [
      ...(one.chart ? [`![${one.title}](images/bench-${one.chart}.svg)`] : []),
      table([one.title, one.unit, ...(one.base ? [`of ${one.base}`] : [])], rowsOf(one)),
    ]),
    ...notes,
    `Load average ${load[0]} before, ${load[1]} after.${judged ? '' : ` Not judged: ${why}.`}`,
  ];
}

const rowsOf = (one) => cellsOf(one).map((cells) => (one.base ? cells : cells.slice(0, 2)));

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
