/** The checker of histories on histories made by hand: what is stale is told, and nothing else. */
import { describe, expect, it } from 'vitest';
import { judge, type History, type Read, type Verdict, type Write } from './checker.mjs';

const RULES = { healthy: 50, disturbed: 3_000, recovery: 5_000 };
const [ISSUER, OTHER] = [0, 1];

/** Version 2 of `k`, done at 1,000. */
function write(more: Partial<Write> = {}): Write {
  const [invoked, resolved] = [990, 1_000];
  return { process: ISSUER, entries: [['k', 2]], invoked, resolved, settled: resolved, ...more };
}

function read(begin: number, version: number, more: Partial<Read> = {}): Read {
  return { process: OTHER, key: 'k', begin, version, by: 'l1', ...more };
}

function verdict(history: Partial<History>, more: object = {}): Verdict {
  return judge({ reads: [], writes: [write()], windows: [], ...history }, { ...RULES, ...more });
}

function kindOf(history: Partial<History>, more: object = {}): string {
  const { stale, queued, lost, violations } = verdict(history, more);
  if (violations.length > 0) return 'violation';
  if (queued > 0) return 'queued';
  if (lost > 0) return 'lost';
  return stale > 0 ? 'stale' : 'right';
}

describe('without a fault', () => {
  it.each([
    ['the new version', read(2_000, 2), 'right'],
    ['a later version, known before its own invalidation is done', read(2_000, 3), 'right'],
    ['another key', read(2_000, 1, { key: 'other' }), 'right'],
    ['a read that began before the invalidation was done', read(999, 1), 'right'],
    ['within the time another process may lag', read(1_050, 1), 'stale'],
    ['after that time', read(1_051, 1), 'violation'],
    ['the issuer, in the same moment', read(1_000, 1, { process: ISSUER }), 'violation'],
    [
      'the issuer, before its own invalidation was done',
      read(999, 1, { process: ISSUER }),
      'right',
    ],
    ['out of grace, although removed', read(2_000, 1, { by: 'stale' }), 'violation'],
  ])('%s', (_title, one, expected) => {
    expect(kindOf({ reads: [one] })).toBe(expected);
  });

  it('tells how old the oldest allowed read was, and the first write that was not seen', () => {
    const done = verdict({ reads: [read(1_010, 1), read(1_030, 1)] });
    expect(done).toMatchObject({ reads: 2, stale: 2, largest: 30, violations: [] });
    const writes = [write(), write({ entries: [['k', 3]], invoked: 1_490, resolved: 1_500 })];
    const [violation] = verdict({ writes, reads: [read(1_510, 1)] }).violations;
    expect(violation).toMatchObject({ age: 510, bound: 50, write: writes[0] });
  });

  it('a change of many keys counts for each of them', () => {
    const writes = [
      write({
        entries: [
          ['k', 2],
          ['l', 7],
        ],
      }),
    ];
    expect(kindOf({ writes, reads: [read(2_000, 6, { key: 'l' })] })).toBe('violation');
    expect(kindOf({ writes, reads: [read(2_000, 7, { key: 'l' })] })).toBe('right');
  });

  it('an invalidation without an end demands nothing', () => {
    const writes = [write({ resolved: Number.NaN })];
    expect(kindOf({ writes, reads: [read(2_000, 1)] })).toBe('right');
  });

  it('made stale only: may stand in, and not answer as fresh', () => {
    const writes = [write({ soft: true })];
    expect(kindOf({ writes, reads: [read(2_000, 1, { by: 'stale' })] })).toBe('right');
    expect(kindOf({ writes, reads: [read(2_000, 1, { by: 'l2' })] })).toBe('violation');
  });

  it('removed before it was made stale: stands in no more', () => {
    const soft = write({ entries: [['k', 3]], soft: true, invoked: 1_490, resolved: 1_500 });
    const reads = [read(2_000, 1, { by: 'stale' })];
    expect(kindOf({ writes: [write(), soft], reads })).toBe('violation');
  });

  it('time in which the reader stood still does not count, but for its own writes', () => {
    const stalls = [{ process: OTHER, start: 1_010, end: 1_100 }];
    expect(kindOf({ stalls, reads: [read(1_130, 1)] })).toBe('stale');
    expect(kindOf({ stalls, reads: [read(1_150, 1)] })).toBe('violation');
    const own = [{ process: ISSUER, start: 1_000, end: 1_100 }];
    expect(kindOf({ stalls: own, reads: [read(1_100, 1, { process: ISSUER })] })).toBe('violation');
  });

  it('strong: nobody lags', () => {
    expect(kindOf({ reads: [read(1_001, 1)] }, { strong: true })).toBe('violation');
    expect(kindOf({ reads: [read(1_001, 2)] }, { strong: true })).toBe('right');
  });
});

describe('with a fault from 900 to 2,000', () => {
  const windows = [{ start: 900, end: 2_000 }];

  it.each([
    ['while it goes on', read(1_500, 1), 'stale'],
    ['longer than L1 may stay', read(4_001, 1), 'violation'],
    ['out of a store that has taken the removal', read(1_500, 1, { by: 'l2' }), 'violation'],
    ['out of a store, soon after', read(1_040, 1, { by: 'l3' }), 'stale'],
    ['the issuer', read(1_500, 1, { process: ISSUER }), 'violation'],
  ])('%s', (_title, one, expected) => {
    expect(kindOf({ windows, reads: [one] })).toBe(expected);
  });

  it('a tag is known in Redis by what was told, in PostgreSQL by itself', () => {
    const writes = [write({ verb: 'tag' })];
    expect(kindOf({ windows, writes, reads: [read(3_900, 1, { by: 'l2' })] })).toBe('stale');
    expect(kindOf({ windows, writes, reads: [read(4_001, 1, { by: 'l2' })] })).toBe('violation');
    expect(kindOf({ windows, writes, reads: [read(1_500, 1, { by: 'l3' })] })).toBe('violation');
    expect(kindOf({ writes, reads: [read(1_500, 1, { by: 'l2' })] })).toBe('violation');
  });

  it('after the recovery nothing older is read', () => {
    const writes = [write({ invoked: 6_900, resolved: 6_950 })];
    expect(kindOf({ windows, writes, reads: [read(6_999, 1)] })).toBe('stale');
    expect(kindOf({ windows, writes, reads: [read(7_001, 1)] })).toBe('violation');
  });

  it('what was told before it began does not come back with it', () => {
    const writes = [write({ invoked: 800, resolved: 840 })];
    expect(kindOf({ windows, writes, reads: [read(1_500, 1)] })).toBe('violation');
  });

  it('queued: counted apart until it is paid, and no longer', () => {
    const writes = [write({ queued: true, settled: 4_500 })];
    expect(kindOf({ windows, writes, reads: [read(4_400, 1)] })).toBe('queued');
    expect(kindOf({ windows, writes, reads: [read(9_000, 1)] })).toBe('violation');
    expect(kindOf({ windows, writes, reads: [read(1_500, 1, { process: ISSUER })] })).toBe(
      'violation',
    );
    const { settled: _settled, ...owed } = write({ queued: true });
    expect(kindOf({ windows, writes: [owed], reads: [read(9_000, 1)] })).toBe('queued');
  });

  it('queued while nobody reaches Redis: memory alone is old, and not for longer than it may be', () => {
    const dark = [{ start: 900, end: 6_000, dark: true }];
    const reads = [read(4_500, 1)];
    const owed = write({ queued: true, settled: 6_500, l3: 'off' });
    expect(kindOf({ windows: dark, writes: [owed], reads })).toBe('violation');
    expect(kindOf({ windows, writes: [owed], reads })).toBe('queued');
    const below = write({ queued: true, settled: 6_500, l3: 'queued' });
    expect(kindOf({ windows: dark, writes: [below], reads })).toBe('queued');
    expect(kindOf({ windows: dark, writes: [owed], reads: [read(6_100, 1)] })).toBe('queued');
  });

  it('an acknowledged write that went with a primary is counted apart', () => {
    const lossy = [{ ...windows[0], lossy: true }];
    expect(kindOf({ windows: lossy, reads: [read(4_500, 1)] })).toBe('lost');
    const before = [write({ invoked: 700, resolved: 710 })];
    expect(kindOf({ windows: lossy, writes: before, reads: [read(4_500, 1)] })).toBe('violation');
  });

  it('what is allowed for hides nothing that is not', () => {
    const queued = write({ queued: true, settled: 9_000 });
    const done = write({ entries: [['k', 3]], invoked: 1_100, resolved: 1_110 });
    expect(kindOf({ windows, writes: [queued, done], reads: [read(4_500, 1)] })).toBe('violation');
  });
});
