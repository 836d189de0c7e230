/** What crosses between the tiers: promotions and a delete, a set and a delete, and a commit after its lease has gone. */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, type TestCache } from '../support/cache.js';
import { redisUrl } from '../support/servers.js';
import {
  expectGone,
  expectValue,
  heldLoader,
  instances,
  PLAIN,
  SHAPES,
  type Make,
} from './shapes.js';

afterEach(closeCaches);

const [THREE] = PLAIN;

/** Removes what L2 holds of an application's values or leases, as eviction does. */
async function evict(namespace: string, kind: 'e' | 'l'): Promise<number> {
  const client = new Redis(redisUrl());
  const keys = await client.keys(`${namespace}:*:${kind}:*`);
  const gone = keys.length > 0 ? await client.del(keys) : 0;
  client.disconnect();
  return gone;
}

/** `k` is in L3 only, and two instances that have not seen it are there. */
async function onlyBelow(make: Make): Promise<readonly [TestCache, TestCache]> {
  const writer = await make();
  await writer.cache.getOrSet('k', () => 'old', { tags: ['t'] });
  await writer.cache.drain();
  await writer.close();
  expect(await evict(writer.namespace, 'e')).toBe(1);
  return [await make(), await make()];
}

const PROMOTIONS: readonly { verb: string; run: (made: TestCache) => Promise<unknown> }[] = [
  { verb: 'get', run: ({ cache }) => cache.get('k') },
  { verb: 'getMany', run: ({ cache }) => cache.getMany(['k', 'other']) },
  { verb: 'getOrSet', run: ({ cache }) => cache.getOrSet('k', () => 'loaded after the delete') },
  {
    verb: 'getOrSetMany',
    run: ({ cache }) => cache.getOrSetMany(['k'], () => Promise.resolve(new Map([['k', 'new']]))),
  },
];

/** No tier has the old value; a reader may have stored one of its own, from after the delete. */
async function expectNotOld(make: Make, ...seen: TestCache[]): Promise<void> {
  const [onlyL2, onlyL3] = [await make({ database: undefined }), await make({ l2: undefined })];
  for (const { cache } of [await make(), onlyL2, onlyL3])
    expect(await cache.get('k')).not.toBe('old');
  for (const { cache } of seen) await expect.poll(() => cache.peek('k')).not.toBe('old');
}

describe.each(PROMOTIONS)('R15: $verb on A promotes from L3', ({ run }) => {
  it('L3’s row is in hand, delete on B, L2 and L1 are filled: neither has it', async () => {
    const make = instances(THREE);
    const [a, b] = await onlyBelow(make);
    const stop = a.l3!.stop('replied');
    const read = run(a);
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await read;
    await a.cache.drain();
    await expectNotOld(make, b, a);
  });

  it('the lease is about to be asked for, delete on B, the read goes on: the row of before does not come up', async () => {
    const make = instances(THREE);
    const [a, b] = await onlyBelow(make);
    const stop = a.l2!.stop('ticket');
    const read = run(a);
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await read;
    await a.cache.drain();
    await expectNotOld(make, b, a);
  });

  it('L2 is about to be filled, delete on B, the fill arrives: refused', async () => {
    const make = instances(THREE);
    const [a, b] = await onlyBelow(make);
    const stop = a.l2!.stop('fill');
    const read = run(a);
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await read;
    await a.cache.drain();
    await expectNotOld(make, b, a);
  });
});

it('R15: delete on B is about to reach L3, A promotes the old row, the delete goes on: in no tier', async () => {
  const make = instances(THREE);
  const [a, b] = await onlyBelow(make);
  const stop = b.l3!.stop('apply');
  const deleted = b.cache.delete('k');
  await stop.reached;
  expect(await a.cache.getOrSet('k', () => 'loaded')).toBe('old');
  await a.cache.drain();
  stop.pass();
  await deleted;
  await expect.poll(() => a.cache.peek('k')).toBeUndefined();
  await expectGone(make, a, b);
});

describe('R19: set and delete of one key cross between L3 and L2', () => {
  it('set on A is in L3, delete on B goes through both, A’s set reaches L2: nowhere', async () => {
    const make = instances(THREE);
    const [a, b] = [await make(), await make()];
    const stop = a.l2!.stop('apply');
    const set = a.cache.set('k', 'set');
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await set;
    await expectGone(make, a, b);
  });

  it('delete on A is in L3, set on B goes through both, A’s delete reaches L2: the set value is read by all', async () => {
    const make = instances(THREE);
    const [a, b] = [await make(), await make()];
    await a.cache.getOrSet('k', () => 'old');
    await a.cache.drain();
    const stop = a.l2!.stop('apply');
    const deleted = a.cache.delete('k');
    await stop.reached;
    await b.cache.set('k', 'set');
    expect(await b.cache.get('k')).toBe('set');
    await b.cache.drain();
    stop.pass();
    await deleted;
    await expectValue('set', make, a, b);
  });

  it('without L3: set on A is on its way to L2, delete on B, the set arrives: read by all, as Redis has ordered it', async () => {
    const make = instances(PLAIN[1]);
    const [a, b] = [await make(), await make()];
    const stop = a.l2!.stop('apply');
    const set = a.cache.set('k', 'set');
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await set;
    await expectValue('set', make, a, b);
  });
});

describe.each(PLAIN)('R14 on $title', (shape) => {
  it('A loads, its lease ends, A commits: stored nowhere', async () => {
    const make = instances(shape);
    const a = await make();
    const { loader, started, finish } = heldLoader();
    const load = a.cache.getOrSet('k', loader);
    await started;
    expect(await evict(a.namespace, 'l')).toBe(1);
    finish('late');
    expect(await load).toBe('late');
    await a.cache.drain();
    await expectGone(make, a);
  });

  it('A loads, its lease ends, B loads and holds the lease, A commits: refused, and B’s value is stored', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    const [late, next] = [heldLoader(), heldLoader()];
    const load = a.cache.getOrSet('k', late.loader);
    await late.started;
    expect(await evict(a.namespace, 'l')).toBe(1);
    const second = b.cache.getOrSet('k', next.loader);
    await next.started;
    late.finish('late');
    expect(await load).toBe('late');
    await a.cache.drain();
    await expectGone(make, a);
    next.finish('next');
    expect(await second).toBe('next');
    await b.cache.drain();
    await expectValue('next', make, a, b);
  });
});

describe('R6 on L1+L3', () => {
  it('A loads the old value, delete on B, B loads anew and stores, A commits: refused by L3, and dropped from A’s memory', async () => {
    const make = instances(SHAPES.find(({ title }) => title === 'L1+L3')!);
    const [a, b] = [await make(), await make()];
    const { loader, started, finish } = heldLoader();
    const load = a.cache.getOrSet('k', loader);
    await started;
    await b.cache.delete('k');
    expect(await b.cache.getOrSet('k', () => 'new')).toBe('new');
    await b.cache.drain();
    finish('old');
    expect(await load).toBe('old');
    await a.cache.drain();
    await expectValue('new', make, a, b);
  });
});
