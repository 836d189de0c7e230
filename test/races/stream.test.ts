/** Races of the stream and of the records beside it: cut off, lost messages, out of order, evicted, and a node that dies. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../support/servers.js';
import { endNodes, expectGone, heardBy, pair, PLACES, type Pair } from './nodes.js';

endNodes();

/** In requests: what is told of a change of `k`. */
const CHANGE = '"default","k"]';
let client: Redis;
beforeAll(() => {
  client = new Redis(redisUrl());
});
afterAll(() => client.disconnect());

const record = ({ namespace }: Pair, name: string): string => `${namespace}:{~}:${name}`;

/** What a node takes out of Redis, with what only Redis knows of it: `delete` without its message. */
async function deleteUnheard(made: Pair): Promise<void> {
  const keys = await client.keys(`${made.namespace}:*:e:default:k`);
  expect(await client.del(keys)).toBe(1);
  await client.incr(record(made, 'sq'));
}

function tell(made: Pair, epoch: string, number: number, key: string): Promise<unknown> {
  const keys = JSON.stringify([['p', 'default', key]]);
  const fields = ['n', String(number), 'e', epoch, 's', 'another', 't', 'd', 'k', keys];
  return client.xadd(record(made, 'st'), '*', ...fields);
}

describe.each(PLACES)('nodes in $where', (place) => {
  /** `k` is in the memory of both nodes. */
  async function known(shape: { database?: boolean } = {}): Promise<Pair> {
    const made = await pair(place, shape);
    for (const node of [made.a, made.b])
      expect(await node.ask('getOrSet', { value: 'old', tags: ['t'] })).toBe('old');
    return made;
  }

  it.each([{ database: true }, { database: false }])(
    'R8: A is cut off from Redis, delete in B, A is back: A forgets (L3: $database)',
    async (shape) => {
      const { a, b, wayOfA, newcomer } = await known(shape);
      wayOfA.redis.cut();
      await b.ask('delete');
      wayOfA.redis.mend();
      await expectGone(b, a, await newcomer());
    },
  );

  it('R8: a delete’s message is lost, A hears the next one: the gap makes A forget', async () => {
    const made = await known({ database: false });
    const { a, b } = made;
    await deleteUnheard(made);
    await b.ask('delete', 'other');
    await expectGone(a, b);
  });

  it('R7: A hears the newer of two messages first: it forgets what both name, and hears what comes after', async () => {
    const made = await known({ database: false });
    const { a, b } = made;
    await a.ask('getOrSet', { key: 'other', value: 'old' });
    const [epoch, number] = await client.mget(record(made, 'ep'), record(made, 'sq'));
    await deleteUnheard(made);
    await client.incr(record(made, 'sq'));
    await tell(made, epoch!, Number(number) + 2, 'other');
    await tell(made, epoch!, Number(number) + 1, 'k');
    await expectGone(a, b);
    await heardBy(a, b);
  });

  it('R9: delete in B is done in Redis, B dies before it knows: A has heard all the same', async () => {
    const { a, b, wayOfB, newcomer } = await known({ database: false });
    const stop = wayOfB.redis.holdReply(CHANGE);
    const deleted = b.ask('delete').catch(() => undefined);
    await stop.reached;
    wayOfB.redis.cut();
    await b.die();
    await expectGone(a, await newcomer());
    void deleted;
  });

  it.each(['sq', 'ep'])(
    'R10: %s is evicted while both have the value: nothing of before is valid, and what comes after is kept',
    async (name) => {
      const made = await known({ database: false });
      const { a, b, newcomer } = made;
      expect(await client.del(record(made, name))).toBe(1);
      await b.ask('delete', 'other');
      await expectGone(b, a, await newcomer());
      expect(await a.ask('getOrSet', { value: 'new' })).toBe('new');
      expect(await (await newcomer()).ask('get')).toBe('new');
    },
  );

  it('R10: tag bumped in B, the tags’ record is evicted, the value of before stands in Redis: never valid again', async () => {
    const made = await known({ database: false });
    const { a, b, newcomer } = made;
    await b.ask('tag');
    expect(await client.del(record(made, 'tags:p'))).toBe(1);
    await expectGone(b, a, await newcomer());
    expect(await a.ask('getOrSet', { value: 'new', tags: ['t'] })).toBe('new');
    expect(await (await newcomer()).ask('get')).toBe('new');
  });

  it('R10: A loads, its lease is evicted, A commits: stored nowhere', async () => {
    const { a, b, namespace, newcomer } = await pair(place);
    await a.ask('begin', []);
    expect(await client.del(await client.keys(`${namespace}:*:l:default:k`))).toBe(1);
    expect(await a.ask('finish', 'late')).toBe('late');
    await expectGone(a, b, await newcomer());
  });

  it('R16: A is cut off from L2, delete in A, A is back: what it owes is gone from every node', async () => {
    const { a, b, wayOfA, newcomer } = await known();
    wayOfA.redis.cut();
    await expect.poll(() => a.ask('up')).toBe(false);
    expect(await a.ask('delete')).toMatchObject({ l2: 'queued', l3: 'ok' });
    wayOfA.redis.mend();
    await expectGone(b, a, await newcomer());
  });

  it('R16: A is cut off from L3, delete in A, B copies the old row up, A is back: gone from every tier of every node', async () => {
    const { a, b, wayOfA, newcomer } = await known();
    wayOfA.database.cut();
    expect(await a.ask('delete')).toMatchObject({ l2: 'ok', l3: 'queued' });
    await expect.poll(() => b.ask('peek')).toBeUndefined();
    // It cannot know what A owes.
    await b.ask('getOrSet', { value: 'loaded' });
    wayOfA.database.mend();
    await expect.poll(() => a.ask('up'), { timeout: 5_000 }).toBe(true);
    await expectGone(b, a, await newcomer());
  });
});
