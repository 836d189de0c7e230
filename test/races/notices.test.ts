/** Races without Redis: what one node changes the other hears of through PostgreSQL, late, while it is cut off, or not at all. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { names, statements } from '../../libs/multi-level-cache/src/tiers/database/sql.js';
import { endNodes, expectGone, heardBy, pair, PLACES, type Node, type Pair } from './nodes.js';

endNodes();

const SOON = { timeout: 1_000 };
/** As the connection names itself. */
const LISTENER = 'multi-level-cache listener';
/** The name under which the read of L3 is prepared. */
const ROW = `mlc_${createHash('sha1')
  .update(statements(names('mlcache', 'entry'), true).read)
  .digest('hex')
  .slice(0, 16)}`;

describe.each(PLACES)('L1+L3, nodes in $where', (place) => {
  /** `k` is in the memory of both nodes. */
  async function known(): Promise<Pair> {
    const made = await pair(place, { redis: false });
    for (const node of [made.a, made.b]) {
      expect(await node.ask('getOrSet', { value: 'old', tags: ['t'] })).toBe('old');
      expect(await node.ask('peek')).toBe('old');
    }
    return made;
  }

  it.each(['delete', 'deleteMany', 'expire', 'touch', 'tag', 'clear', 'mutate'] as const)(
    'R2: both have the value in memory, %s on A: gone from B’s memory as soon as B has heard',
    async (change) => {
      const { a, b } = await known();
      await a.ask(change, change === 'mutate' ? { keys: ['k'] } : undefined);
      await expect.poll(() => b.ask('peek'), SOON).toBeUndefined();
    },
  );

  it('R2: both have the value in memory, set on A: B reads the new one as soon as B has heard', async () => {
    const { a, b } = await known();
    await a.ask('set', 'new');
    await expect.poll(() => b.ask('get'), SOON).toBe('new');
  });

  it('R2: load starts in B, delete on A, B commits: to its caller, and in no tier', async () => {
    const { a, b, newcomer } = await pair(place, { redis: false });
    await b.ask('begin', ['t']);
    await a.ask('delete');
    expect(await b.ask('finish', 'old')).toBe('old');
    await expectGone(a, b, await newcomer());
  });

  it('R2: A writes under guard, B loads meanwhile: nothing of it is kept', async () => {
    const { a, b } = await known();
    await a.ask('mutate', { keys: ['k'] });
    await expect.poll(() => b.ask('peek'), SOON).toBeUndefined();
    expect(await b.ask('getOrSet', { value: 'during' })).toBe('during');
    expect(await b.ask('peek')).toBeUndefined();
  });

  it('R3: B’s read of L3 is answered, delete on A, B hears of it, the reply arrives: not kept in B’s memory', async () => {
    const { a, b, wayOfB } = await stored();
    const stop = wayOfB.database.holdReply(ROW);
    const read = b.ask('get');
    await stop.reached;
    await a.ask('delete');
    await a.ask('delete', 'other');
    await expect.poll(() => b.ask('peek', 'other'), SOON).toBeUndefined();
    stop.pass();
    await read;
    await expectGone(a, b);
  });

  it('R2, R3: B’s read of L3 is answered, delete on A, the reply arrives before B hears: dropped when it hears', async () => {
    const { a, b, wayOfB } = await stored();
    const [stop, listener] = [
      wayOfB.database.holdReply(ROW),
      wayOfB.database.holdConnection(LISTENER),
    ];
    const read = b.ask('get');
    await stop.reached;
    await a.ask('delete');
    await listener.reached;
    stop.pass();
    expect(await read).toBe('old');
    expect(await b.ask('peek')).toBe('old');
    listener.pass();
    await expect.poll(() => b.ask('peek'), SOON).toBeUndefined();
  });

  it('R7: B hears of two changes in a row, and of its own among them: what was stored last stands', async () => {
    const { a, b } = await known();
    await Promise.all([a.ask('delete'), b.ask('set', 'one')]);
    await a.ask('set', 'two');
    for (const node of [a, b]) await expect.poll(() => node.ask('get'), SOON).toBe('two');
  });

  it('R8: B’s listening connection ends, delete on A before there is a new one: B forgets when it listens again', async () => {
    const { a, b, wayOfB } = await known();
    wayOfB.database.cut(LISTENER);
    await a.ask('delete');
    expect(await b.ask('peek')).toBe('old');
    wayOfB.database.mend();
    await expect.poll(() => b.ask('peek'), { timeout: 2_000 }).toBeUndefined();
    await hearsAgain(b, a);
    await expectGone(a, b);
  });

  it('R8: B cannot listen any more, delete on A: after some seconds of silence B asks L3, and relies on memory when it listens again', async () => {
    const { a, b, wayOfB } = await known();
    wayOfB.database.cut(LISTENER);
    await a.ask('delete');
    await expect.poll(() => b.ask('get'), { timeout: 5_000 }).toBeUndefined();
    expect(await b.ask('getOrSet', { value: 'new' })).toBe('new');
    expect(await b.ask('peek')).toBeUndefined();
    wayOfB.database.mend();
    await hearsAgain(b, a);
    await expect.poll(() => b.ask('get')).toBe('new');
  });

  it('R8: B is cut off from PostgreSQL, delete on A, B is back: B forgets when it listens again', async () => {
    const { a, b, wayOfB } = await known();
    wayOfB.database.cut();
    await a.ask('delete');
    expect(await b.ask('peek')).toBe('old');
    wayOfB.database.mend();
    await hearsAgain(b, a);
    await expectGone(a, b);
  });

  it('R8: B’s listening connection is half-open, delete on A: not served once B has noticed, and memory is used again afterwards', async () => {
    const { a, b, wayOfB } = await known();
    const held = wayOfB.database.holdConnection(LISTENER);
    await a.ask('delete');
    await held.reached;
    expect(await b.ask('peek')).toBe('old');
    await expect.poll(() => b.ask('get'), { timeout: 4_000 }).toBeUndefined();
    await hearsAgain(b, a);
    await expectGone(a, b);
  });

  /** `k` is stored by A and known to L3 only, `other` to both. */
  async function stored(): Promise<Pair> {
    const made = await pair(place, { redis: false });
    await made.a.ask('set', 'old');
    // What B hears later is not this.
    await heardBy(made.b, made.a);
    await made.b.ask('getOrSet', { key: 'other', value: 'other' });
    return made;
  }
});

/** It has reached everything, relies on its memory, and this follows what the other one does. */
async function hearsAgain(node: Node, teller: Node): Promise<void> {
  const patience = { timeout: 6_000 };
  await expect.poll(() => node.ask('up'), patience).toBe(true);
  const kept = async (): Promise<unknown> => {
    await node.ask('getOrSet', { key: 'bell', value: 'bell' });
    return node.ask('peek', 'bell');
  };
  await expect.poll(kept, patience).toBe('bell');
  await teller.ask('delete', 'bell');
  await expect.poll(() => node.ask('peek', 'bell'), patience).toBeUndefined();
}
