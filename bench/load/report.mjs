// What a load has come to, for a screen and for the documentation.
import { median } from '../lib/figures.mjs';
import { table } from '../lib/markers.mjs';

const count = (number) => Math.round(number).toLocaleString('en');
const ms = (number) =>
  Number.isFinite(number) ? number.toFixed(number < 10 ? 2 : 1) : 'unanswered';
const verdict = (met, judged) => (judged ? (met ? 'met' : '**missed**') : 'not judged');

const TARGET_HEAD = [
  'target',
  'offered a second',
  'answered a second',
  'failed',
  'p50 ms',
  'p99 ms, median (least–most)',
  'p99.9 ms',
  'process, cores',
  'verdict',
  'highest rate in time',
];

export function loadTable(name, found, { judged }) {
  return name === 'mixed' ? mixedTable(found, judged) : targetTable(found[0], judged);
}

function targetTable(found, judged) {
  const { title, target, limit, rate, result, beside, met, highest } = found;
  const rows = [
    targetRow(`${title}: ${count(target)}/s, p99 ≤ ${limit} ms`, result, [
      verdict(met, judged),
      highest === undefined ? '–' : count(highest),
    ]),
    ...beside.map((other) => targetRow(other.title, other, ['', ''])),
  ];
  const late = `at ${count(rate)}/s the generator was late by ${ms(result.lateP99)} ms at p99 and took ${result.generatorCpu.toFixed(2)} of a core; slowest ${ms(result.max)} ms; ${count(result.shed)} were shed, ${count(result.lost)} never answered`;
  const text = rows
    .map((row) => row.map((cell, at) => `  ${TARGET_HEAD[at]}: ${cell}`).join('\n'))
    .join('\n\n');
  return { text: `${text}\n  ${late}`, markdown: table(TARGET_HEAD, rows), met };
}

function targetRow(title, result, ends) {
  return [
    title,
    count(result.offered),
    count(result.achieved),
    count(result.failed),
    ms(result.p50),
    `${ms(result.p99)} (${ms(result.p99Least)}–${ms(result.p99Most)})`,
    ms(result.p999),
    result.cpu.toFixed(2),
    ...ends,
  ];
}

function mixedTable({ subjects, half, ratio, bar, met }, judged) {
  const head = [
    'cache',
    'tiers',
    'requests a second, median (least–most)',
    'process, µs a request',
    'loads of 100',
    'failed',
    'to ours',
  ];
  const [ours] = subjects;
  const rows = subjects.map(({ name, tiers, rates, cpuUs, loads, failed }) => [
    name,
    tiers.join(', ').toUpperCase(),
    `${count(median(rates))} (${count(Math.min(...rates))}–${count(Math.max(...rates))})`,
    median(cpuUs).toFixed(1),
    median(loads).toFixed(1),
    count(failed),
    (median(rates) / median(ours.rates)).toFixed(2),
  ]);
  const best = `${ratio.toFixed(2)} times the best of the others, bar ${bar}`;
  const lines = [
    `${best}: ${verdict(met.ratio, judged)}`,
    `half of it, offered: ${count(half.offered)}/s: p50 ${ms(half.p50)}, p99 ${ms(half.p99)} ms, of writes alone ${ms(half.writesP50)} and ${ms(half.writesP99)} ms, failed ${count(half.failed)}, bar ${half.limit} ms: ${verdict(met.half, judged)}`,
    `of ours, reads that a late tier was spared: ${count(ours.skipped)}`,
  ];
  const markdown = table(head, rows);
  return {
    text: [...rows.map((row) => `  ${row.join('  ')}`), ...lines.map((line) => `  ${line}`)].join(
      '\n',
    ),
    markdown: `${markdown}\n\n${lines.map((line) => `- ${line}`).join('\n')}`,
    met: met.ratio && met.half,
  };
}
