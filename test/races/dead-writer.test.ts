/** A process dies inside `mutate`, after its commit: what was loaded before that is kept by nobody, and keys can be filled again. */
import { describe, expect, it } from 'vitest';
import { endNodes, expectGone, pair, TWO_PROCESSES } from './nodes.js';

endNodes();

/** Longer than a guard whose writer is gone. */
const OVER = { timeout: 15_000, interval: 200 };

describe.each([
  { title: 'L1+L2+L3', database: true },
  { title: 'L1+L2', database: false },
])('R9, $title', ({ database }) => {
  it('load starts in B, A writes the key under guard, commits and dies, load commits in B: kept nowhere', async () => {
    const { a, b, newcomer } = await pair(TWO_PROCESSES, { database });
    await b.ask('begin');
    await a.ask('mutate', { keys: ['k'] });
    await a.die();
    expect(await b.ask('finish', 'old')).toBe('old');
    await expectGone(b, await newcomer());
  });

  it('A writes the key under guard and dies, B loads: kept nowhere while the guard stands, and again afterwards', async () => {
    const { a, b, newcomer } = await pair(TWO_PROCESSES, { database });
    await a.ask('mutate', { keys: ['k'] });
    await a.die();
    expect(await b.ask('getOrSet', { value: 'during' })).toBe('during');
    await expectGone(b, await newcomer());
    const other = await newcomer();
    const load = async (): Promise<unknown> => {
      await b.ask('getOrSet', { value: 'later' });
      return other.ask('get');
    };
    await expect.poll(load, OVER).toBe('later');
  });
});

it.each([
  { title: 'L1+L2+L3', redis: true },
  { title: 'L1+L3', redis: false },
])(
  '$title: A bumps a tag in its write and dies, B has loaded before the commit: others make the bump that A owes',
  async ({ redis }) => {
    const { a, b } = await pair(TWO_PROCESSES, { redis });
    await a.ask('mutate', { tags: ['t'] });
    expect(await b.ask('getOrSet', { value: 'old', tags: ['t'] })).toBe('old');
    await a.die();
    await expect.poll(() => b.ask('get'), OVER).toBeUndefined();
  },
  20_000,
);
