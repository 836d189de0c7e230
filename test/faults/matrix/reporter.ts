/** Writes what the rows of the fault matrix have shown, as data and as a page. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Reporter, TestModule } from 'vitest/node';
import type { Figure, RowReport } from './row.js';

const DATA = 'docs/fault-matrix.json';
const ROWS = 38;
const PAGE = 'docs/fault-matrix.md';

interface Line extends RowReport {
  readonly pass: boolean;
}

export default class MatrixReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines: Line[] = [];
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const { row } = test.meta();
        if (row) lines.push({ ...row, pass: test.result().state === 'passed' });
      }
    lines.sort((a, b) => a.row - b.row || a.fault.localeCompare(b.fault));
    const passed = lines.filter(({ pass }) => pass).length;
    console.log(`fault matrix: ${passed} passed, ${lines.length - passed} failed`);
    // A run of some rows leaves the table as it is.
    if (new Set(lines.map(({ row }) => row)).size < ROWS) return;
    const machine = `Node ${process.versions.node}, ${cpus().length} cores ${cpus()[0].model.trim()}`;
    const run = { date: new Date().toISOString().slice(0, 10), machine };
    writeFileSync(DATA, `${JSON.stringify({ ...run, rows: lines }, undefined, 2)}\n`);
    writeFileSync(PAGE, pageOf(lines, `${run.machine}, ${run.date}`));
  }
}

function pageOf(lines: readonly Line[], where: string): string {
  const rows = lines.map(
    ({ row, fault, expected, figures, pass }) =>
      `| ${row} | ${fault} | ${expected} | ${figures.map(textOf).join('; ')} | ${pass ? 'yes' : '**no**'} |`,
  );
  return [
    '# The fault matrix',
    '',
    `Written by \`npm run test:faults\` (${where}); the same as data in [fault-matrix.json](fault-matrix.json).`,
    'A figure with a bound reads `figure ≤ bound`, or `figure > bound` where the bound was missed within the slack of a busy machine.',
    '',
    '<!-- prettier-ignore -->',
    '| row | fault | expected | figures | passed |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function textOf({ name, value, unit, bound, met }: Figure): string {
  const shown = unit === 'bytes' ? `${(value / 1024 ** 2).toFixed(1)} MiB` : `${value}`;
  const of = unit === 'ms' ? ' ms' : '';
  if (bound === undefined) return `${name} ${shown}${of}`;
  const limit = unit === 'bytes' ? `${(bound / 1024 ** 2).toFixed(1)} MiB` : `${bound}`;
  return `${name} ${shown} ${met ? '≤' : '>'} ${limit}${of}`;
}
