/** A verifier's report as lines to read, and as an exit code. */
import type { AuditReport, ChainReport } from '../security/audit/verify.js';

const INTACT = 0;
const BROKEN = 1;
const UNCLEAN = 2;
const SHOWN = 5;
// What was tampered with may want to command the terminal.
const UNPRINTABLE = /[^\x20-\x7e]/g;

export function verdictOf({ chains, forged }: AuditReport): number {
  if (forged > 0 || chains.some(({ state }) => state === 'broken')) return BROKEN;
  return chains.some(({ state }) => state === 'unclean') ? UNCLEAN : INTACT;
}

export function linesOf(report: AuditReport): string[] {
  const { chains, forged, unreadable } = report;
  const lines = chains.map(lineOf);
  if (forged > 0) lines.push(`broken: ${forged} checkpoints were made without the key`);
  if (unreadable > 0) lines.push(`${unreadable} lines are no records`);
  if (chains.length > 0 && chains.every(({ foreign }) => foreign))
    lines.push('no record was made with the key: is it the right one?');
  const records = chains.reduce((sum, chain) => sum + chain.records, 0);
  lines.push(`${chains.length} chains, ${records} records: ${WORDS[verdictOf(report)]}`);
  return lines;
}

const WORDS = [
  'all whole',
  'tampered with',
  'whole, and some process ended without its last record',
];

function lineOf(chain: ChainReport): string {
  const { chainId, faults, instanceId, lastTs, lost, records, state } = chain;
  const last = new Date(lastTs).toISOString();
  const name = `${chainId} of ${instanceId}`.replace(UNPRINTABLE, '?');
  const about = `${name}: ${records} records, last ${last}`;
  const drops = lost > 0 ? `, ${lost} events lost for want of room` : '';
  if (state === 'broken') return `broken ${about}${drops}: ${faultsOf(faults)}`;
  const end = {
    closed: '',
    running: ', still running',
    unclean: ', unclean end: no closing record, what was in memory is lost',
  }[state];
  return `ok ${about}${drops}${end}`;
}

function faultsOf(faults: ChainReport['faults']): string {
  const shown = faults.slice(0, SHOWN).map(({ kind, seq }) => `${kind} at ${seq}`);
  const more = faults.length > SHOWN ? [`${faults.length - SHOWN} more`] : [];
  return [...shown, ...more].join(', ');
}
