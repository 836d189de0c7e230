/** A load that runs outside of the cache, on real servers: it is fenced as a loader's is, and nobody waits for it. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Cache } from '../../libs/multi-level-cache/src/manager/cache.js';
import { DeferredLoad } from '../../libs/multi-level-cache/src/manager/deferred-load.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshNamespace } from '../support/servers.js';
import { TOPOLOGIES } from '../support/topologies.js';
import {
  expectGone,
  expectValue,
  instances as instancesOf,
  REMOVALS,
  SHAPES,
  topologies,
  type Make,
  type Shape,
} from './shapes.js';

afterEach(closeCaches);

const shapes = topologies(...TOPOLOGIES);
const instances = (shape: Shape): Make => instancesOf(shape, shapes);

/** The right to store what is read now; fails where there is a value. */
async function begin({ cache }: TestCache, options = {}): Promise<DeferredLoad> {
  const found = await (cache as unknown as Cache).defer('k', options);
  if (!(found instanceof DeferredLoad)) throw new Error('there is a value');
  return found;
}

async function look({ cache }: TestCache): Promise<unknown> {
  const found = await (cache as unknown as Cache).defer('k');
  if (found instanceof DeferredLoad) found.drop();
  return found instanceof DeferredLoad ? 'nothing' : found.value;
}

describe.each(SHAPES)('$title', (shape) => {
  it('puts the value into every tier', async () => {
    const make = instances(shape);
    const a = await make();
    const load = await begin(a);
    await load.commit('v');
    await a.cache.drain();
    await expectValue('v', make, a);
    expect(await look(await make())).toBe('v');
  });

  it.each(REMOVALS)('R1, R5: $name between look and commit: not stored', async ({ run }) => {
    const make = instances(shape);
    const a = await make();
    const load = await begin(a, { tags: ['t'] });
    await run(a);
    await load.commit('old');
    await a.cache.drain();
    await expectGone(make, a);
  });

  it.each(REMOVALS)('R2, R6: $name on another node in between: not stored', async ({ run }) => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    const load = await begin(a);
    await run(b);
    await load.commit('old', { tags: ['t'] });
    await a.cache.drain();
    await expect
      .poll(async () => (await a.cache.explain('k')).tiers.l1?.state)
      .toMatch(/absent|invalid/);
    await expectGone(make, b);
  });

  it('keeps nothing that was read while the key is being written', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    await b.cache.mutate({ keys: ['k'] }, async () => {
      const load = await begin(a);
      await load.commit('old');
      await a.cache.drain();
    });
    await expectGone(make, a, b);
  });

  it('waits for nobody, and nobody waits for it', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    const [mine, same, other] = [await begin(a), await begin(a), await begin(b)];
    await same.commit('same');
    await other.commit('other');
    await mine.commit('mine');
    // Of those without the lease only their own memory keeps it.
    await a.cache.drain();
    await b.cache.drain();
    // Without leases whoever comes last: all were read while nothing was removed.
    if (shape.redis) await expectValue('mine', make);
    else await expect.poll(async () => look(await make())).toMatch(/mine|same|other/);
  });

  it('gives its place back when it is dropped', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    (await begin(a)).drop();
    await a.cache.drain();
    await (await begin(b)).commit('v');
    await b.cache.drain();
    await expectValue('v', make, a);
  });
});

describe('memory alone', () => {
  const make = (): Promise<TestCache> => testCache({ namespace: freshNamespace() });

  it('refuses a late value, and one that cannot be stored', async () => {
    const a = await make();
    const late = await begin(a, { hardTimeout: 20 });
    await new Promise((resolve) => setTimeout(resolve, 40));
    await expect(late.commit('late')).rejects.toMatchObject({ code: 'CACHE_LOADER_TIMEOUT' });
    await expect((await begin(a)).commit(() => 1)).rejects.toMatchObject({
      code: 'CACHE_VALUE_UNCACHEABLE',
    });
    await expect((await begin(a)).commit(1, { ttl: -1 })).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
    expect(await look(a)).toBe('nothing');
  });

  it('does not keep a closing application', async () => {
    const a = await make();
    await begin(a);
    const before = performance.now();
    await a.close();
    expect(performance.now() - before).toBeLessThan(4_000);
  });

  it('gives each caller a copy, and counts', async () => {
    const a = await make();
    await (await begin(a)).commit({ list: [1] });
    const first = (await look(a)) as { list: number[] };
    first.list.push(2);
    expect(await look(a)).toEqual({ list: [1] });
    expect(a.cache.stats().caches['default']?.requests).toMatchObject({ l1: 2, loader: 1 });
  });
});
