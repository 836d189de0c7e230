/** The plain races between processes: each instance is an application of its own, over real servers. */
import { expect, it } from 'vitest';
import { endNodes, expectGone, pair, TWO_PROCESSES as TWO } from './nodes.js';

endNodes();

it.each(['delete', 'tag', 'clear'] as const)(
  'R2, R5: load starts in A, %s in B, load commits in A: to its caller, and in no tier of A, B or a newcomer',
  async (removal) => {
    const { a, b, newcomer } = await pair(TWO);
    await a.ask('begin', ['t']);
    await b.ask(removal);
    expect(await a.ask('finish', 'old')).toBe('old');
    await expectGone(a, b, await newcomer());
  },
);

it('R3: A has the value in L1, delete in B: gone from A as soon as A has heard, and from B at once', async () => {
  const { a, b } = await pair(TWO);
  expect(await a.ask('getOrSet', { value: 'old' })).toBe('old');
  expect(await b.ask('getOrSet', { value: 'never loaded' })).toBe('old');
  await b.ask('delete');
  expect(await b.ask('get')).toBeUndefined();
  await expectGone(b, a);
});

it('R6: A loads, delete in B, B loads anew and stores, A commits: the new value stays', async () => {
  const { a, b, newcomer } = await pair(TWO);
  await a.ask('begin', []);
  await b.ask('delete');
  expect(await b.ask('getOrSet', { value: 'new' })).toBe('new');
  expect(await a.ask('finish', 'old')).toBe('old');
  for (const node of [a, b, await newcomer()]) await expect.poll(() => node.ask('get')).toBe('new');
});

it('R17: load starts in A, set in B, load commits in A: the set value is served everywhere', async () => {
  const { a, b, newcomer } = await pair(TWO);
  await a.ask('begin', []);
  await b.ask('set', 'set');
  expect(await a.ask('finish', 'old')).toBe('old');
  for (const node of [a, b, await newcomer()]) await expect.poll(() => node.ask('get')).toBe('set');
});

it('R14: A loads and is stopped past its lease, B loads and stores, A goes on and commits: refused', async () => {
  const { a, b, newcomer } = await pair(TWO);
  await a.ask('begin', []);
  a.freeze();
  // Until A's lease has ended.
  expect(await b.ask('getOrSet', { value: 'new' })).toBe('new');
  a.thaw();
  expect(await a.ask('finish', 'late')).toBe('late');
  for (const node of [a, b, await newcomer()]) await expect.poll(() => node.ask('get')).toBe('new');
});

it('one load for two processes: the second waits for the first one and gets its value', async () => {
  const { a, b } = await pair(TWO);
  await a.ask('begin', []);
  const waiting = b.ask('getOrSet', { value: 'loaded twice' });
  await a.ask('finish', 'once');
  expect(await waiting).toBe('once');
});
