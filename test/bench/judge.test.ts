/** The judge of the benchmark: what is called met, what is not, and what is not judged at all. */
import { describe, expect, it } from 'vitest';
import { BARS, exitCodeOf, judge } from '../../bench/lib/bars.mjs';
import { bestOf, median, ratios } from '../../bench/lib/figures.mjs';
import { isIdle, shareBetween } from '../../bench/lib/machine.mjs';
import { read } from '../../bench/lib/options.mjs';

const run = (bar: string, ...figures: number[][]) => ({
  judged: true,
  figures: figures.map((values, at) => ({ bar, what: `figure ${at}`, values })),
});
const verdictOf = (runs: Parameters<typeof judge>[0], key: string) =>
  judge(runs, (bar) => bar.key === key)[0];

describe('a bar', () => {
  it('is met by the median, not by the best', () => {
    expect(verdictOf([run('P2', [0.59, 0.6, 0.9])], 'P2').verdict).toBe('met');
    expect(verdictOf([run('P2', [0.5, 0.59, 0.9])], 'P2').verdict).toBe('missed');
  });

  it('is missed by the worst of its figures', () => {
    const { verdict, worst } = verdictOf([run('P1 raw', [1.4], [0.99], [1.2])], 'P1 raw');
    expect([verdict, worst?.what]).toEqual(['missed', 'figure 1']);
  });

  it('that is a limit is missed above it', () => {
    expect(verdictOf([run('P12', [1.25])], 'P12').verdict).toBe('met');
    expect(verdictOf([run('P12', [1.26])], 'P12').verdict).toBe('missed');
  });

  it('is not judged where a figure was taken on a busy machine, however good it is', () => {
    const busy = { ...run('P2', [2]), judged: false, why: 'busy machine' };
    expect(verdictOf([run('P2', [2]), busy], 'P2')).toMatchObject({
      verdict: 'not judged',
      why: 'busy machine',
    });
  });

  it('is not judged where nothing has measured it', () => {
    expect(verdictOf([], 'P13 p99')).toMatchObject({ verdict: 'not judged', why: 'not measured' });
  });
});

it('every bar has one side', () => {
  for (const { key, least, most } of BARS)
    expect([key, (least === undefined) !== (most === undefined)]).toEqual([key, true]);
  expect(new Set(BARS.map(({ key }) => key)).size).toBe(BARS.length);
  expect(new Set(BARS.map(({ id }) => id)).size).toBe(16);
});

it('says 0 only where every bar is met', () => {
  const met = judge([run('P2', [1])], ({ id }) => id === 'P2');
  const missed = judge([run('P2', [0])], ({ id }) => id === 'P2');
  const open = judge([], ({ id }) => id === 'P2');
  expect([met, missed, open].map(exitCodeOf)).toEqual([0, 1, 1]);
});

describe('figures', () => {
  it('have a median between the middle ones, and ratios turn by turn', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
    expect(ratios([10, 30], [5, 10])).toEqual([2, 3]);
  });

  it('know who did best, where more is better and where less is', () => {
    const rows = [
      { name: 'quick', kind: 'peer', values: [5, 5] },
      { name: 'slow', kind: 'peer', values: [1, 9, 1] },
      { name: 'absent', kind: 'peer' },
    ];
    const best = (better: 'more' | 'less') =>
      bestOf({ title: 'a table', better, rows }, ({ kind }) => kind === 'peer').name;
    expect([best('more'), best('less')]).toEqual(['quick', 'slow']);
    expect(() => bestOf({ title: 'a table', better: 'more', rows }, () => false)).toThrow('nobody');
  });
});

describe('the machine', () => {
  const cpu = (idle: number, user: number) => ({ times: { user, nice: 0, sys: 0, idle, irq: 0 } });

  it('is as idle as its cores were between two looks', () => {
    const before = [cpu(1_000, 500), cpu(1_000, 500)];
    expect(shareBetween(before, [cpu(1_100, 500), cpu(1_050, 550)])).toBe(0.75);
  });

  it('is waited for, and then taken as it is', async () => {
    const shares = [0.2, 0.5, 0.9];
    const look = () => Promise.resolve(shares.shift() ?? 0);
    expect(await isIdle({ lookMs: 1, waitMs: 1_000, look })).toEqual({ idle: true, share: 0.9 });
    const busy = () => Promise.resolve(0.84);
    expect(await isIdle({ lookMs: 10, waitMs: 5, look: busy })).toEqual({
      idle: false,
      share: 0.84,
    });
  });
});

describe('the command line', () => {
  it('takes all scenarios and five trials where nothing is said', () => {
    const { chosen, trials, quick } = read([]);
    expect([chosen.length > 5, trials, quick]).toEqual([true, 5, false]);
  });

  it.each([
    [['--only', 'l1-hits,nothing'], 'nothing'],
    [['--trials', '0'], 'whole number'],
    [['--write', '--quick'], 'whole run'],
    [['--fast'], 'fast'],
  ])('%j is refused', (argv, why) => {
    expect(() => read(argv)).toThrow(why);
  });
});
