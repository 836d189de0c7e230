// From the start of a process to its first answer; ours comes with the Nest application it belongs to.
import { startWorker } from '../lib/workers.mjs';
import { subjectsOf } from '../subjects/index.mjs';

export const title = 'Starting';
export const needs = ['redis'];
export const bars = [];

const PROGRAM = new URL('../lib/start-process.mjs', import.meta.url);

export async function run({ trials, redisUrl }) {
  const tables = [];
  for (const tiers of ['l1', 'l1+l2']) {
    const subjects = [
      { what: 'node', name: 'Node alone' },
      { what: 'nest', name: 'Nest without a cache' },
      ...subjectsOf(tiers)
        .filter(({ kind }) => kind !== 'raw')
        .map(({ file, name, kind }) => ({ what: 'subject', file, name, kind, tiers, redisUrl })),
    ];
    const rows = subjects.map(({ name, kind = 'raw' }) => ({ name, kind, values: [] }));
    for (let trial = -1; trial < trials; trial++)
      for (const [at, subject] of subjects.entries()) {
        const began = performance.now();
        await startWorker(PROGRAM, subject);
        if (trial >= 0) rows[at].values.push(performance.now() - began);
      }
    tables.push({ title: `first answer, ${tiers}`, unit: 'ms', better: 'less', rows });
  }
  return { tables, figures: [] };
}
