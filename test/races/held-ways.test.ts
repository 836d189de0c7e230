/** Races on the wire: a request or a reply of one node is held while the other one changes what it is about. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { names, statements } from '../../libs/multi-level-cache/src/tiers/database/sql.js';
import { LEASE, TAGS } from '../../libs/multi-level-cache/src/tiers/redis/scripts.js';
import { endNodes, expectGone, heardBy, pair, PLACES, type Pair } from './nodes.js';

endNodes();

/** In requests: a read of `k`'s entry, what is told of a change of `k`. */
const ENTRY = ':e:default:k\r\n';
const CHANGE = '"default","k"]';
/** As the connection names itself. */
const TAIL = 'mlc-tail';
/** The name under which the read of L3 is prepared. */
const ROW = `mlc_${createHash('sha1')
  .update(statements(names('mlcache', 'entry'), true).read)
  .digest('hex')
  .slice(0, 16)}`;
const OLD = { value: 'old', tags: ['t'] };

describe.each(PLACES)('nodes in $where', (place) => {
  /** `k` is stored by B and known to L2 and L3 only, A has not seen it. */
  async function stored(shape: { database?: boolean } = {}): Promise<Pair> {
    const made = await pair(place, shape);
    await made.b.ask('getOrSet', OLD);
    return made;
  }

  it.each([
    { load: 'a load whose caller gives up', begin: 'beginLate' },
    { load: 'a refresh', begin: 'beginRefresh' },
  ] as const)(
    'R5: $load starts in A, tag bumped in B, it commits: in no tier',
    async ({ begin }) => {
      const { a, b, newcomer } = await pair(place);
      await a.ask(begin, ['t']);
      await b.ask('tag');
      await a.ask('finish', 'old');
      await expectGone(a, b, await newcomer());
    },
  );

  it('R3: A’s read of L2 is answered, delete in B, A hears of it, the reply arrives: not kept in A’s memory', async () => {
    const { a, b, wayOfA, newcomer } = await stored();
    const stop = wayOfA.redis.holdReply(ENTRY);
    const read = a.ask('get');
    await stop.reached;
    await b.ask('delete');
    await b.ask('delete', 'other');
    await expect.poll(() => a.ask('peek', 'other')).toBeUndefined();
    stop.pass();
    await read;
    await expectGone(a, b, await newcomer());
  });

  it('R2, R3: A’s read of L2 is answered, delete in B, the reply arrives before A hears: dropped when it hears', async () => {
    const { a, b, wayOfA, newcomer } = await stored();
    const [stop, tail] = [wayOfA.redis.holdReply(ENTRY), wayOfA.redis.holdConnection(TAIL)];
    const read = a.ask('get');
    await stop.reached;
    await b.ask('delete');
    await tail.reached;
    stop.pass();
    expect(await read).toBe('old');
    expect(await a.ask('peek')).toBe('old');
    tail.pass();
    await expectGone(a, b, await newcomer());
  });

  it('R4: delete in A is on its way to L3, A reads the old value up from L2, A’s delete goes on and nobody tells A: gone from its memory', async () => {
    const { a, b, wayOfA, newcomer } = await stored();
    const stop = wayOfA.database.holdRequest('mlc_');
    const deleted = a.ask('delete');
    await stop.reached;
    expect(await a.ask('get')).toBe('old');
    const tail = wayOfA.redis.holdConnection(TAIL);
    stop.pass();
    await deleted;
    expect(await a.ask('peek')).toBeUndefined();
    tail.pass();
    await expectGone(a, b, await newcomer());
  });

  it('R7: A asks for a tag’s number, the tag is bumped in B, A hears the new number before the older one arrives: the newer stands', async () => {
    const { a, b, wayOfA } = await stored({ database: false });
    const stop = wayOfA.redis.holdReply(TAGS.sha);
    const read = a.ask('get');
    await stop.reached;
    await b.ask('tag');
    await b.ask('delete', 'other');
    await expect.poll(() => a.ask('peek', 'other')).toBeUndefined();
    stop.pass();
    await read;
    expect(await a.ask('get')).toBeUndefined();
  });

  it('R15: A promotes from L3 and has the row in hand, delete in B, A fills: in no tier', async () => {
    const { a, b, wayOfA, newcomer } = await onlyInL3();
    const stop = wayOfA.database.holdReply(ROW);
    const read = a.ask('getOrSet', { value: 'loaded' });
    await stop.reached;
    await b.ask('delete');
    stop.pass();
    expect(await read).toBe('old');
    await expectGone(a, b, await newcomer());
  });

  it('R15: A promotes from L3 and is about to ask for the lease, delete in B, A goes on: the old row does not come up', async () => {
    const { a, b, wayOfA, newcomer } = await onlyInL3();
    const stop = wayOfA.redis.holdRequest(LEASE.sha);
    const read = a.ask('getOrSet', { value: 'loaded' });
    await stop.reached;
    await b.ask('delete');
    stop.pass();
    expect(await read).toBe('loaded');
    for (const node of [a, b, await newcomer()]) expect(await node.ask('get')).toBe('loaded');
  });

  it('R19: set in A is in L3 and on its way to L2, delete in B goes through both, A’s set arrives: in no tier', async () => {
    const { a, b, wayOfA, newcomer } = await pair(place);
    const stop = wayOfA.redis.holdRequest(CHANGE);
    const set = a.ask('set', 'set');
    await stop.reached;
    await b.ask('delete');
    stop.pass();
    await set;
    await expectGone(a, b, await newcomer());
  });

  it('R19: delete in A is in L3 and on its way to L2, set in B goes through both, A’s delete arrives: the set value is read by all', async () => {
    const { a, b, wayOfA, newcomer } = await stored();
    const stop = wayOfA.redis.holdRequest(CHANGE);
    const deleted = a.ask('delete');
    await stop.reached;
    await b.ask('set', 'set');
    expect(await b.ask('get')).toBe('set');
    stop.pass();
    await deleted;
    for (const node of [a, b, await newcomer()])
      await expect.poll(() => node.ask('get')).toBe('set');
  });

  /** `k` is in L3 only: L2 has given it up. */
  async function onlyInL3(): Promise<Pair> {
    const made = await pair(place);
    await made.b.ask('set', 'old');
    await heardBy(made.a, made.b);
    return made;
  }
});
