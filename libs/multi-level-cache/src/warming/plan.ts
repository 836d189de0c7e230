/** THE plan: which keys are loaded ahead, in which order, and why. A function of what is given, and of nothing else. */
import type { KeyRef } from './key-ref.js';
import { highest } from './select.js';
import type { Chances } from '../core/predictor.js';

/** How urgent a load is, most urgent first. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low', 'background'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** A key whose value is absent, or ends before the next plan. */
export interface Candidate extends Readonly<Chances> {
  readonly id: number;
  readonly ref: KeyRef;
  /** How long the value it has is still fresh, ms; 0 = it has none. */
  readonly left: number;
  readonly ttl: number;
  /** How long its loader takes, ms; 0 = not known. */
  readonly loadMs: number;
  /** Of its last value; 0 = not known. */
  readonly bytes: number;
}

export interface PlannedKey extends Candidate {
  readonly priority: Priority;
  /** What the load is worth; comparable within one plan only. */
  readonly value: number;
  readonly reason: 'absent' | 'expiring';
}

export interface PlanOptions {
  /** Loads. */
  readonly tokens: number;
  /** Keys less likely to be used are left alone. */
  readonly leastChance: number;
}

/** A value that is loaded is used within its life, or before the next plan: the second decides among equals. */
const WITHIN = 20;
/** A load that takes longer saves more, but not without bound: its time is a guess. */
const DEAREST = 2;
const CHEAPEST = 0.5;
/** Larger values push others out. */
const LARGE_BYTES = 65_536;
/** From this chance on. */
const FROM: readonly (readonly [Priority, number])[] = [
  ['critical', 0.9],
  ['high', 0.6],
  ['normal', 0.3],
  ['low', 0.1],
];

export function plan(candidates: readonly Candidate[], options: PlanOptions): PlannedKey[] {
  const { leastChance, tokens } = options;
  const likely = candidates.filter(({ within }) => within > 0 && within >= leastChance);
  const mean = meanLoadMs(likely);
  const values = new Float64Array(likely.length);
  likely.forEach((candidate, at) => {
    values[at] = valueOf(candidate, mean);
  });
  return best(likely, values, tokens).map((at) => planned(likely[at], values[at]));
}

/** Field by field: copying the rest takes five times as long, and a plan is one step. */
function planned(candidate: Candidate, value: number): PlannedKey {
  const { bytes, id, left, loadMs, ref, soon, ttl, within } = candidate;
  const priority = priorityOf(candidate);
  const reason = left > 0 ? 'expiring' : 'absent';
  return { id, ref, soon, within, left, ttl, loadMs, bytes, value, priority, reason };
}

/** Of loads whose time is known. */
function meanLoadMs(candidates: readonly Candidate[]): number {
  let [sum, known] = [0, 0];
  for (const { loadMs } of candidates) {
    if (loadMs <= 0) continue;
    sum += loadMs;
    known++;
  }
  return sum / Math.max(known, 1);
}

/** Where the most valuable ones stand, best first. Candidates are many and tokens few: only what is chosen is put in order. */
function best(candidates: readonly Candidate[], values: Float64Array, tokens: number): number[] {
  return highest(values, tokens)
    .sort((a, b) => values[b] - values[a] || candidates[a].id - candidates[b].id)
    .slice(0, Math.max(tokens, 0));
}

/** How likely it is used, how much that saves, and what it takes from others. */
function valueOf({ bytes, loadMs, soon, within }: Candidate, meanMs: number): number {
  const cost = loadMs > 0 && meanMs > 0 ? loadMs / meanMs : 1;
  const saved = Math.min(Math.max(cost, CHEAPEST), DEAREST);
  return ((soon + WITHIN * within) * saved) / Math.max(bytes / LARGE_BYTES, 1);
}

function priorityOf({ within }: Candidate): Priority {
  return FROM.find(([, from]) => within >= from)?.[0] ?? 'background';
}
