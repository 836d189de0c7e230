/** Fresh, stale or expired, invalidated or not, before a loader that is well, slow, silent or in trouble: who answers, and what is kept. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULTS } from '../../../../test/support/options.js';
import { TypeOrmTransactions } from '../../src/integrations/transactions/typeorm-transactions.js';
import { createCache, type CacheRoot } from '../../src/manager/create-cache.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { MemoryTier } from '../../src/tiers/memory/memory-tier.js';

const TTL = 10_000;
const GRACE = 60_000;
const TIMEOUT = 100;
const HARD_TIMEOUT = 1_000;
/** A load that has been running for so long is a slow one. */
const SLOW_MS = 1_000;

const OURS = {
  ...DEFAULTS,
  ttl: TTL,
  grace: GRACE,
  timeout: TIMEOUT,
  hardTimeout: HARD_TIMEOUT,
};

let clock: FakeClock;
let cache: CacheRoot;
let calls: number;

beforeEach(async () => {
  clock = new FakeClock();
  calls = 0;
  const l1 = { maxEntries: 100, maxSize: 1_000_000, keepStale: true };
  cache = createCache(
    { namespace: 'app', l1, l2: false, l3: false, warming: false, defaults: OURS },
    { l1: new MemoryTier(l1, clock), l2: null, l3: null },
    clock,
    (all) => new TypeOrmTransactions(all),
    () => 0.5,
  );
  await cache.open();
});
afterEach(() => {
  const closed = cache.close();
  clock.advance(10_000);
  return closed;
});

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const TROUBLE = new Error('the origin is in trouble');

const LOADERS = {
  well: () => 'new',
  slow: () => new Promise<string>((resolve) => clock.after(TIMEOUT * 3, () => resolve('new'))),
  silent: () => new Promise<string>(() => undefined),
  failing: () => Promise.reject(TROUBLE),
} as const;
type LoaderName = keyof typeof LOADERS;

/** The answer as text, whatever it is; time goes on until there is one. */
async function ask(loader: LoaderName): Promise<string> {
  const counted = (): string | Promise<string> => {
    calls++;
    return LOADERS[loader]();
  };
  let answer: string | undefined;
  cache.getOrSet('k', counted).then(
    (value) => (answer = value),
    (error: unknown) =>
      (answer = error === TROUBLE ? 'its error' : (error as { code: string }).code),
  );
  for (let waited = 0; answer === undefined && waited < HARD_TIMEOUT + 100; waited += 10) {
    await settled();
    if (answer === undefined) clock.advance(10);
  }
  await settled();
  return answer!;
}

const AGES = { fresh: 0, stale: TTL + 1, expired: TTL + GRACE + 1 } as const;
const INVALIDATIONS = {
  no: () => undefined,
  deleted: () => cache.delete('k'),
  'expired by call': () => cache.expire('k'),
  'tag removed': () => cache.invalidateTags(['t']),
  'tag made stale': () => cache.invalidateTags(['t'], { soft: true }),
} as const;

interface Case {
  readonly age: keyof typeof AGES;
  readonly invalidated: keyof typeof INVALIDATIONS;
  readonly loader: LoaderName;
  readonly answer: string;
  readonly loads: number;
  /** What `get` finds when all has ended. */
  readonly after: string | undefined;
}

/** The rules, in words: what the entry is worth says who answers, whatever brought it there. */
function expectation(age: keyof typeof AGES, invalidated: keyof typeof INVALIDATIONS) {
  const removed = invalidated === 'deleted' || invalidated === 'tag removed';
  if (removed || age === 'expired') return 'nothing';
  return age === 'fresh' && invalidated === 'no' ? 'fresh' : 'stale';
}

const ANSWERS: Readonly<
  Record<string, Readonly<Record<LoaderName, readonly [string, number, string?]>>>
> = {
  fresh: {
    well: ['old', 0, 'old'],
    slow: ['old', 0, 'old'],
    silent: ['old', 0, 'old'],
    failing: ['old', 0, 'old'],
  },
  stale: {
    well: ['new', 1, 'new'],
    // It goes on in the background.
    slow: ['old', 1, 'new'],
    silent: ['old', 1],
    failing: ['old', 1],
  },
  nothing: {
    well: ['new', 1, 'new'],
    slow: ['new', 1, 'new'],
    silent: ['CACHE_LOADER_TIMEOUT', 1],
    failing: ['its error', 1],
  },
};

const CASES: Case[] = [];
for (const age of Object.keys(AGES) as (keyof typeof AGES)[])
  for (const invalidated of Object.keys(INVALIDATIONS) as (keyof typeof INVALIDATIONS)[])
    for (const loader of Object.keys(LOADERS) as LoaderName[]) {
      const [answer, loads, after] = ANSWERS[expectation(age, invalidated)][loader];
      CASES.push({ age, invalidated, loader, answer, loads, after });
    }

describe('freshness', () => {
  it.each(CASES)(
    '$age, invalidated: $invalidated, loader $loader: $answer',
    async ({ age, invalidated, loader, answer, loads, after }) => {
      await cache.getOrSet('k', () => 'old', { tags: ['t'] });
      clock.advance(AGES[age]);
      await INVALIDATIONS[invalidated]();
      expect(await ask(loader)).toBe(answer);
      expect(calls).toBe(loads);
      clock.advance(TIMEOUT * 5);
      await settled();
      expect(await cache.get('k')).toBe(after);
    },
  );

  it.each(['deleted', 'tag removed'] as const)(
    '%s while the loader runs: what was stale does not stand in',
    async (how) => {
      await cache.getOrSet('k', () => 'old', { tags: ['t'], timeout: HARD_TIMEOUT * 2 });
      clock.advance(AGES.stale);
      const failing = (): Promise<never> => INVALIDATIONS[how]().then(LOADERS.failing);
      await expect(cache.getOrSet('k', failing)).rejects.toBe(TROUBLE);
    },
  );

  it('grace ends while the loader runs: nothing stands in beyond it', async () => {
    await cache.getOrSet('k', () => 'old');
    clock.advance(TTL + GRACE - 10);
    const failing = async (): Promise<never> => {
      clock.advance(11);
      return LOADERS.failing();
    };
    await expect(cache.getOrSet('k', failing, { timeout: HARD_TIMEOUT })).rejects.toBe(TROUBLE);
  });
});

it('a loader that failed once is tried again at once', async () => {
  await cache.getOrSet('k', () => 'old');
  clock.advance(AGES.stale);
  expect(await ask('failing')).toBe('old');
  expect(await ask('well')).toBe('new');
});

describe('a loader that failed twice while a stale value stood in', () => {
  beforeEach(async () => {
    await cache.getOrSet('k', () => 'old');
    clock.advance(AGES.stale);
    for (let n = 0; n < 2; n++) expect(await ask('failing')).toBe('old');
    calls = 0;
  });

  it('rests: a second first, then twice as long each time, up to half a minute', async () => {
    for (const rest of [1_000, 2_000, 4_000, 8_000, 16_000]) {
      clock.advance(rest - 1);
      expect(await ask('well')).toBe('old');
      expect(calls).toBe(0);
      clock.advance(1);
      expect(await ask('failing')).toBe('old');
      expect(calls).toBe(1);
      calls = 0;
    }
  });

  it('is told as stale, and costs nobody a wait', async () => {
    const told: string[] = [];
    cache.on('stale', ({ key }) => told.push(key));
    const before = clock.now();
    expect(await ask('silent')).toBe('old');
    expect(clock.now()).toBe(before);
    expect(told).toEqual(['k']);
  });

  it('is forgiven when it succeeds', async () => {
    clock.advance(1_000);
    expect(await ask('well')).toBe('new');
    clock.advance(AGES.stale);
    expect(await ask('failing')).toBe('new');
    expect(await ask('well')).toBe('new');
    expect(calls).toBe(3);
  });

  it('rests at once where it was silent until its hardTimeout', async () => {
    clock.advance(1_000);
    expect(await ask('well')).toBe('new');
    clock.advance(AGES.stale);
    calls = 0;
    expect(await ask('silent')).toBe('new');
    clock.advance(HARD_TIMEOUT);
    expect(await ask('silent')).toBe('new');
    expect(calls).toBe(1);
    clock.advance(1_000);
    expect(await ask('well')).toBe('new');
    expect(calls).toBe(2);
  });

  it('runs at once where nothing can stand in, where it is forced, and for who wants no old value', async () => {
    expect(await cache.getOrSet('k', () => 'forced', { forceFresh: true })).toBe('forced');
    clock.advance(AGES.stale);
    for (let n = 0; n < 2; n++) await ask('failing');
    await cache.delete('k');
    calls = 0;
    expect(await ask('well')).toBe('new');
    expect(calls).toBe(1);
  });
});

describe('too many loads', () => {
  it('behind ten thousand of which some are slow one is refused, or served stale; when one ends the next may run', async () => {
    await cache.getOrSet('known', () => 'old');
    clock.advance(AGES.stale);
    const hold: (() => void)[] = [];
    const held = Array.from({ length: 10_000 }, (_zero, at) =>
      cache.getOrSet(
        `held:${at}`,
        () => new Promise<string>((resolve) => hold.push(() => resolve('v'))),
        { hardTimeout: SLOW_MS * 5 },
      ),
    );
    await settled();
    // A burst of quick ones is no trouble.
    expect(await cache.getOrSet('burst', () => 'v')).toBe('v');
    clock.advance(SLOW_MS);
    await expect(cache.getOrSet('k', () => 'v')).rejects.toMatchObject({
      code: 'CACHE_LOAD_SHED',
      retryable: true,
    });
    expect(await cache.getOrSet('known', () => 'new')).toBe('old');
    // One call of a loader, however many keys.
    expect(await cache.getOrSetMany(['m'], () => [['m', 1]])).toEqual(new Map([['m', 1]]));
    hold.shift()!();
    await settled();
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
    expect(await cache.getOrSet('known', () => 'new')).toBe('new');
    for (const end of hold) end();
    await Promise.all(held);
  });

  it('none is refused because the process itself had no time: what the origin has answered is heard first', async () => {
    const held = Array.from({ length: 10_000 }, (_zero, at) =>
      cache.getOrSet(`held:${at}`, LOADERS.silent, { hardTimeout: SLOW_MS * 5 }),
    );
    for (const load of held) load.catch(() => undefined);
    await settled();
    // Time has passed, and no timer has run.
    vi.spyOn(clock, 'now').mockReturnValue(clock.now() + 2 * SLOW_MS);
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  });

  it('a loader that never ends holds its place until its hardTimeout only', async () => {
    const held = Array.from({ length: 10_000 }, (_zero, at) =>
      cache
        .getOrSet(`held:${at}`, LOADERS.silent, { hardTimeout: SLOW_MS * 2 })
        .catch(() => undefined),
    );
    await settled();
    clock.advance(SLOW_MS);
    await expect(cache.getOrSet('k', () => 'v')).rejects.toMatchObject({ code: 'CACHE_LOAD_SHED' });
    clock.advance(SLOW_MS);
    await Promise.all(held);
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  });
});
