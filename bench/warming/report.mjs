// The table of a run, written into a page between two markers, and the judgement over it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { FIXED } from './compare.mjs';
import { InputError } from './trace.mjs';

const BETA = 0.5;
const [START, END] = ['<!-- table -->', '<!-- /table -->'];
const RIVALS = Object.keys(FIXED);
const REDUCTIONS = [...RIVALS, 'frozen', 'learned', 'oracle'];
/** The rule others are compared with. */
const USUAL = 'recent-2T';
/** Learned must save so much of what the best fixed rule saves, which nobody knows beforehand. */
const LEAST_RATIO = 0.95;

/** Before a long run: is there a place for its table? */
export function checkReport(file) {
  if (!existsSync(file)) throw new InputError(`--report: there is no file ${file}`);
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf(START);
  if (start < 0 || text.indexOf(END) < start)
    throw new InputError(`--report: ${file} has no place between ${START} and ${END}`);
}

export function writeReport(file, traces) {
  const text = readFileSync(file, 'utf8');
  const before = text.slice(0, text.indexOf(START) + START.length);
  const after = text.slice(text.indexOf(END));
  const table = [...tableOf(traces.map(rowOf)), '', `${machine()}.`, '', judge(traces).line];
  writeFileSync(file, `${before}\n\n${table.join('\n')}\n\n${after}`);
}

/** `{ line, pass }`: what learning is worth against the best fixed rule of each trace, chosen in hindsight. */
export function judge(traces) {
  const rows = traces.map(rowOf);
  // Where no rule saves anything there is nothing to compare with.
  const compared = rows.filter(({ best }) => best > 0);
  const ratio =
    compared.reduce((sum, { best, reduction }) => sum + reduction.learned / best, 0) /
    compared.length;
  const learning = rows.map(
    ({ name, reduction }) => `${name} ${signed(100 * (reduction.learned - reduction.frozen))}`,
  );
  const mean =
    compared.length > 0
      ? `learned saves ${ratio.toFixed(3)} of what the best fixed rule of each trace saves, as the mean over the traces (bar: at least ${LEAST_RATIO})`
      : 'no fixed rule saves anything on these traces';
  return {
    line: `At beta ${BETA}, ${mean}; learned less frozen, in points: ${learning.join(', ')}.`,
    pass: compared.length === 0 || ratio >= LEAST_RATIO,
  };
}

function rowOf({ results, trace }) {
  const at = results.filter(({ line }) => line.beta === BETA);
  const lines = Object.fromEntries(at.map(({ line }) => [line.strategy, line]));
  const reduction = Object.fromEntries(REDUCTIONS.map((name) => [name, lines[name].missReduction]));
  const best = Math.max(...RIVALS.map((name) => reduction[name]));
  const { requests } = at[0];
  return { name: trace.name, settings: trace.settings, lines, reduction, best, requests };
}

function tableOf(rows) {
  const head = [
    'trace, TTL/tick',
    'miss % unwarmed (cold)',
    ...REDUCTIONS,
    `precision learned / ${USUAL}`,
    'gap closed %',
  ];
  const cells = rows.map(({ lines, name, reduction, requests, settings }) => {
    const { cold, misses } = lines.none;
    const { capacity, tick, ttl } = settings;
    const short = capacity === undefined ? '' : `, room for ${percent(capacity)} % of the keys`;
    return [
      `${name} ${ttl}/${tick}${short}`,
      `${percent(misses / requests)} (${percent(cold / requests)})`,
      ...REDUCTIONS.map((strategy) => percent(reduction[strategy])),
      `${share(lines.learned.precision)} / ${share(lines[USUAL].precision)}`,
      gapClosed(lines),
    ];
  });
  // As wide as prettier wants them.
  const widths = head.map((title, at) =>
    Math.max(...[title, ...cells.map((c) => c[at])].map((text) => text.length)),
  );
  const row = (columns) => `| ${columns.map((text, at) => text.padEnd(widths[at])).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...cells.map(row)];
}

/** Of what lies between the usual rule and one that knows the future. */
function gapClosed({ [USUAL]: usual, learned, oracle }) {
  const gap = usual.misses - oracle.misses;
  return gap > 0 ? percent((usual.misses - learned.misses) / gap) : '-';
}

function machine() {
  const cpus = os.cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `Node ${process.version}, ${cpus.length} cores, ${cpus[0]?.model ?? 'unknown CPU'}, ${date}`;
}

const percent = (number) => (100 * number).toFixed(1);
const share = (number) => (number === null ? '-' : number.toFixed(2));
const signed = (points) => `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}`;
