/** A tier that could not take a change and comes back with the old value: what it owes is applied before it is asked again. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { deaf } from '../support/deaf.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';
import {
  expectGone,
  instances as instancesOf,
  PLAIN,
  REMOVALS,
  SHAPES,
  topologies,
  type Make,
  type Shape,
} from './shapes.js';

afterEach(closeCaches);

const shapes = topologies('standalone', 'cluster');
const instances = (shape: Shape): Make => instancesOf(shape, shapes);

describe.each([
  { title: 'L2', shape: SHAPES.find(({ title }) => title === 'L1+L2')! },
  { title: 'L2 on Cluster', shape: SHAPES.find(({ title }) => title === 'L1+L2 on Cluster')! },
  { title: 'L3', shape: SHAPES.find(({ title }) => title === 'L1+L3')! },
])('R16: $title could not take a change', ({ shape }) => {
  it.each(REMOVALS)(
    '$name is owed: the key bypasses the tier until it has been applied',
    async ({ run }) => {
      const make = instances(shape);
      const a = await make();
      await a.cache.getOrSet('k', () => 'old', { tags: ['t'] });
      await a.cache.drain();
      const tier = (a.l2 ?? a.l3)!;
      const paying = tier.failThenStop('apply');
      expect(await run(a)).toMatchObject({ l1: 'ok', durable: false });
      await paying.reached;
      // The tier answers again, and still has the old value.
      expect((await (await make()).cache.explain('k')).answeredBy).not.toBe('loader');
      expect(await a.cache.get('k')).toBeUndefined();
      expect((await a.cache.explain('k')).answeredBy).toBe('loader');
      paying.pass();
      await a.cache.drain();
      await expectGone(make, a);
    },
  );

  it('other keys are not kept waiting behind what is owed once the tier answers; a set of an owed key is', async () => {
    const { cache, l2, l3 } = await instances(shape)();
    const tier = (l2 ?? l3)!;
    const name = tier.name as 'l2' | 'l3';
    const paying = tier.failThenStop('apply');
    expect((await cache.invalidateTags(['t']))[name]).toBe('queued');
    await paying.reached;
    // While it does not answer, nobody waits for it.
    expect((await cache.delete('k'))[name]).toBe('queued');
    const payingKey = tier.stop('apply');
    paying.pass();
    await payingKey.reached;
    expect((await cache.delete('other'))[name]).toBe('ok');
    expect((await cache.set('k', 'lost in this tier'))[name]).toBe('queued');
    payingKey.pass();
    await cache.drain();
    expect((await cache.set('k', 'kept'))[name]).toBe('ok');
    expect(await cache.get('k')).toBe('kept');
  });
});

it('R16: expire is owed to L2, A is asked for the key: it asks L2 neither for the value nor for the lease, and loads', async () => {
  const make = instances(SHAPES.find(({ title }) => title === 'L1+L2')!);
  const [a, b] = [await make(), await make()];
  await a.cache.getOrSet('k', () => 'old');
  const paying = a.l2!.failThenStop('apply');
  expect(await a.cache.expire('k')).toMatchObject({ l2: 'queued' });
  await paying.reached;
  const [asked, leased] = [a.l2!.reads, vi.spyOn(a.l2!, 'ticket')];
  expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
  expect(a.l2!.reads).toBe(asked);
  expect(leased).not.toHaveBeenCalled();
  paying.pass();
  await expect.poll(() => b.cache.get('k')).toBeUndefined();
});

describe('R16: L3 could not take a change, and L2 and the other node have', () => {
  const [shape] = PLAIN;

  it.each(REMOVALS)(
    '$name on A is owed to L3, B asks for the key, L3 takes what is owed: nobody gets the old row',
    async ({ run }) => {
      const make = instances(shape);
      const [a, b] = [await make(), await make()];
      await a.cache.getOrSet('k', () => 'old', { tags: ['t'] });
      await a.cache.drain();
      const paying = a.l3!.failThenStop('apply');
      expect(await run(a)).toMatchObject({ l2: 'ok', l3: 'queued' });
      await paying.reached;
      await expect.poll(() => b.cache.peek('k')).toBeUndefined();
      // It has heard what A owes together with the change, and does not ask L3 either.
      expect(await b.cache.getOrSet('k', () => 'loaded', { tags: ['t'] })).toBe('loaded');
      await b.cache.drain();
      expect(await a.cache.get('k')).not.toBe('old');
      paying.pass();
      await Promise.all([a.cache.drain(), b.cache.drain()]);
      for (const { cache } of [a, b, await make()]) expect(await cache.get('k')).not.toBe('old');
    },
  );
});

describe('R16: L3 could not take a change, and the other node has not heard of it yet', () => {
  it.each(REMOVALS)(
    '$name on A is owed to L3, B copies the old row into L2: A does not get it there, and it is gone once L3 is paid',
    async ({ run }) => {
      const namespace = freshNamespace();
      const make = (l2?: Partial<L2Options>): Promise<TestCache> =>
        testCache({ namespace, redis: redisUrl(), database: databaseUrl(), ...(l2 ? { l2 } : {}) });
      const [a, b] = [await make(), await make({ ...deaf() })];
      await a.cache.getOrSet('k', () => 'old', { tags: ['t'] });
      await a.cache.drain();
      const paying = a.l3!.failThenStop('apply');
      expect(await run(a)).toMatchObject({ l2: 'ok', l3: 'queued', durable: true });
      await paying.reached;
      expect(await b.cache.getOrSet('k', () => 'not asked for', { tags: ['t'] })).toBe('old');
      await b.cache.drain();
      expect(await a.cache.get('k')).toBeUndefined();
      paying.pass();
      await a.cache.drain();
      expect(await a.cache.get('k')).toBeUndefined();
      await expectGone(() => make(), a);
    },
  );
});
