/** A short run of the soak: both stretches on real servers; how many are answered in time is a matter of the machine, what is right is not. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { together } from '../history/stalls.mjs';
import { growth } from './heap.mjs';
import { seeded } from '../support/random.mjs';
import { run } from './run.mjs';

/** Another process may lag as long as a busy machine lets it. */
const HEALTHY = 2_000;
const options = { processes: 2, perSecond: 150, seed: 20, healthy: HEALTHY };

/** Children of this process that run this program. */
function children(program: string): string[] {
  const of = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  const pids = of(`/proc/${process.pid}/task/${process.pid}/children`).split(' ').filter(Boolean);
  return pids.filter((pid) => of(`/proc/${pid}/cmdline`).includes(program));
}

describe.each([
  ['calm', 4, 0],
  ['faults', 12, 1],
] as const)('%s, %d seconds', (stretch, seconds, faults) => {
  it('no wrong value, nothing unhandled, nothing owed, and no process is left', async () => {
    const done = await run(stretch, { ...options, seconds });
    expect(done.log.unhandled).toEqual([]);
    expect(done.log.errors).toEqual([]);
    expect(done.verdict.violations).toEqual([]);
    expect([done.wrong, done.failed, done.unhandled, done.gone, done.unpaid]).toEqual([
      0, 0, 0, 0, 0,
    ]);
    expect(done.requests).toBeGreaterThanOrEqual(seconds * options.perSecond);
    expect(done.verdict.reads).toBeGreaterThan(done.requests / 2);
    expect(done.faults.length).toBeGreaterThanOrEqual(faults);
    for (const { reads, answered, late } of Object.values(done.tiers)) {
      expect(reads).toBeGreaterThan(0);
      expect(answered + late).toBeLessThanOrEqual(reads);
    }
    await expect.poll(() => children('test/soak/instance.mjs')).toEqual([]);
  }, 120_000);
});

describe('whether memory is flat', () => {
  const looks = (process: number, bytes: (look: number) => number) =>
    Array.from({ length: 60 }, (_zero, look) => ({ process, bytes: bytes(look) }));

  it('is told of the process that grew most, without what came while it warmed up', () => {
    const flat = looks(0, (look) => (look < 12 ? look : 100));
    expect(growth(flat)).toEqual({ early: 100, late: 100, grown: 0 });
    const leak = looks(1, (look) => 100 + 10 * look);
    expect(growth([...flat, ...leak])).toEqual({ early: 300, late: 620, grown: 320 });
  });

  it('is not misled by one high look', () => {
    expect(growth(looks(0, (look) => (look === 59 ? 9_999 : 100)))?.grown).toBe(0);
  });

  it('is not told of a few looks', () => {
    expect(growth(looks(0, () => 1).slice(0, 6))).toBeUndefined();
  });
});

it('time in which several processes stand still is counted once', () => {
  const stalls = [
    { start: 50, end: 60 },
    { start: 0, end: 20 },
    { start: 10, end: 30 },
    { start: 12, end: 15 },
  ];
  expect(together(stalls)).toEqual([
    { start: 0, end: 30 },
    { start: 50, end: 60 },
  ]);
});

it('the same seed gives the same numbers, another one others', () => {
  const draw = (seed: number): number[] => {
    const random = seeded(seed);
    return Array.from({ length: 1_000 }, random);
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7).every((one) => one >= 0 && one < 1)).toBe(true);
  const mean = draw(7).reduce((sum, one) => sum + one, 0) / 1_000;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
});
