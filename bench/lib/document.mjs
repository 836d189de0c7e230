// What a run leaves in docs/: a section between two marks of performance.md, and charts beside it.
import { writeFile } from 'node:fs/promises';
import { chartOf } from './bar-chart.mjs';
import { inRepository, table, writeFigures } from './markers.mjs';
import { cellsOf, verdictCells } from './report.mjs';

export async function write(results) {
  await writeFigures('docs/performance.md', { bench: documentOf(results) });
  for (const { title, tables } of results.runs)
    for (const { chart, ...one } of tables)
      if (chart)
        await writeFile(
          inRepository(`docs/images/bench-${chart}.svg`),
          chartOf(one, `${title}: ${one.title}`),
        );
}

function documentOf({ facts, runs, verdicts }) {
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
