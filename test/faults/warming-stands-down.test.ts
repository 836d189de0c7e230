/** Warming stands down when the process or a store is in trouble, callers are answered meanwhile, and it comes back by itself. */
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { endAfterEach, later } from '../support/ends.js';
import { Warmed } from '../support/warmed.js';

const LONG = { timeout: 90_000 };

endAfterEach();

let app: Warmed;

/** Two rounds under a fault; what the second one has loaded. */
async function twoRounds(before: () => Promise<void>): Promise<number> {
  let loads = 0;
  for (let rounds = 0; rounds < 2; rounds++) {
    await before();
    loads = await app.round();
  }
  expect(app.now.budget).toBeLessThanOrEqual(0.1);
  return loads;
}

/** Nobody else gets at the table of entries until the returned function is called. */
async function lockEntries(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: app.database.url });
  await client.connect();
  await client.query('begin; lock table mlcache.entry in access exclusive mode');
  let locked = true;
  const unlock = async (): Promise<void> => {
    if (locked) await client.end();
    locked = false;
  };
  later(unlock);
  return unlock;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

/** Callers that ask all the time until the returned function is called. */
function callers(): () => Promise<void> {
  let asking = true;
  const all = [0, 1].map(async () => {
    for (; asking; await pause()) await app.answers();
  });
  const stop = async (): Promise<void> => {
    asking = false;
    await Promise.all(all);
  };
  later(stop);
  return stop;
}

const stateOf = (tier: 'l2' | 'l3'): string => app.cache.stats().tiers[tier].state;
const up = (tier: 'l2' | 'l3'): Promise<void> =>
  expect.poll(() => stateOf(tier), { timeout: 10_000 }).toBe('up');
const notUp = (tier: 'l2' | 'l3'): Promise<void> =>
  expect.poll(() => stateOf(tier), { timeout: 10_000 }).not.toBe('up');

describe('PostgreSQL', () => {
  it('its pool is saturated: statements wait for a table that is locked', LONG, async () => {
    app = await Warmed.start();
    const green = await app.green();
    const unlock = await lockEntries();
    const stop = callers();
    // What is owed to it is not asked of it: these keys are answered at once.
    await app.lose();
    const red = await twoRounds(() => app.miss());
    // For as long as a statement may take it counts as slow, then as gone.
    expect(app.now.heldBackBy.join()).toMatch(/poolWaiting|l3Open/);
    expect(red).toBeLessThanOrEqual(green / 10);
    await stop();
    await unlock();
    await up('l3');
    await app.recover();
  });

  it('does not answer any more', LONG, async () => {
    app = await Warmed.start();
    const green = await app.green();
    await app.database.freeze();
    await app.answers();
    await notUp('l3');
    const red = await twoRounds(async () => {
      await app.answers();
      await app.miss();
    });
    expect(app.now.heldBackBy).toContain('l3Open');
    expect(red).toBeLessThanOrEqual(green / 10);
    await app.database.thaw();
    await up('l3');
    await app.recover();
  });
});

describe('the event loop', () => {
  async function block(): Promise<void> {
    for (let times = 0; times < 4; times++) {
      await pause();
      for (const end = performance.now() + 150; performance.now() < end;);
    }
    // So that its monitor has its turn.
    await pause();
  }

  it('is blocked again and again', LONG, async () => {
    app = await Warmed.start();
    const green = await app.green();
    app.realLoop = true;
    const red = await twoRounds(async () => {
      await app.miss();
      await Promise.all([block(), app.answers()]);
    });
    expect(app.now.heldBackBy).toContain('loopDelayMs');
    expect(red).toBeLessThanOrEqual(green / 10);
    app.realLoop = false;
    await app.recover();
  });
});

describe('Redis', () => {
  it.each([
    ['is frozen', () => app.redis.freeze(), () => app.redis.thaw()],
    ['is killed', () => app.redis.kill(), () => app.redis.restart()],
  ] as const)('%s', LONG, async (_how, hit, heal) => {
    app = await Warmed.start();
    await app.green();
    await hit();
    await app.answers();
    await notUp('l2');
    await twoRounds(async () => {
      await app.answers();
      await app.miss();
    });
    expect(app.now.heldBackBy).toContain('l2Open');
    await heal();
    await up('l2');
    await app.recover();
  });
});

describe('the loaders', () => {
  it.each([
    ['and nothing stands in', () => app.lose()],
    ['and the old value stands in', () => app.expire()],
  ] as const)('fail, %s', LONG, async (_what, lose) => {
    app = await Warmed.start();
    await app.green();
    await app.miss(lose);
    app.failing = true;
    // They are known to fail when they have.
    expect(await app.round()).toBeGreaterThan(0);
    await twoRounds(async () => {
      await app.answers();
      await app.miss(lose);
      await app.cache.drain();
    });
    expect(app.now.heldBackBy).toContain('loadErrors');
    app.failing = false;
    await app.recover();
  });
});
