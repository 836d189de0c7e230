/** The plain races on real servers, one process with two instances: after each, the old value is in no tier. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, deferred } from '../support/cache.js';
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

describe.each(SHAPES)('$title', (shape) => {
  it.each(REMOVALS)(
    'R1, R5: load starts, $name, load commits on the same node: to its caller, not stored',
    async ({ run }) => {
      const make = instances(shape);
      const a = await make();
      const started = deferred();
      const value = deferred<string>();
      const load = a.cache.getOrSet('k', () => (started.resolve(), value.promise), { tags: ['t'] });
      await started.promise;
      await run(a);
      value.resolve('old');
      expect(await load).toBe('old');
      await a.cache.drain();
      await expectGone(make, a);
    },
  );

  it('R1: a caller after the delete does not join the load from before it', async () => {
    const a = await instances(shape)();
    const started = deferred();
    const value = deferred<string>();
    const first = a.cache.getOrSet('k', () => (started.resolve(), value.promise));
    await started.promise;
    await a.cache.delete('k');
    const second = a.cache.getOrSet('k', () => 'new');
    value.resolve('old');
    expect(await first).toBe('old');
    expect(await second).toBe('new');
    expect(await a.cache.get('k')).toBe('new');
  });

  it('R5: a caller after the tag bump is not given the load from before it, even if the tag was known only afterwards', async () => {
    const a = await instances(shape)();
    const started = deferred();
    const value = deferred<string>();
    const first = a.cache.getOrSet('k', (_key, context) => {
      started.resolve();
      context.setOptions({ tags: ['late'] });
      return value.promise;
    });
    await started.promise;
    await a.cache.invalidateTags(['late']);
    const second = a.cache.getOrSet('k', () => 'new');
    value.resolve('old');
    expect(await first).toBe('old');
    expect(await second).toBe('new');
  });

  it.each(REMOVALS)(
    'G6: a stale value is in hand, $name, the loader fails: removed means not by grace either',
    async ({ run }) => {
      const a = await instances(shape)();
      await a.cache.getOrSet('k', () => 'stale', { ttl: 20, tags: ['t'] });
      await a.cache.drain();
      await expect.poll(() => a.cache.get('k')).toBeUndefined();
      const started = deferred();
      const value = deferred<string>();
      const load = a.cache.getOrSet('k', () => (started.resolve(), value.promise));
      await started.promise;
      await run(a);
      value.reject(new Error('away'));
      await expect(load).rejects.toThrow('away');
    },
  );

  it('R4: delete drops L1, its lower step is slow, a reader copies the old value back: dropped again', async () => {
    const make = instances(shape);
    const a = await make();
    await a.cache.getOrSet('k', () => 'old');
    await a.cache.drain();
    const stop = (a.l2 ?? a.l3)!.stop('apply');
    const deleted = a.cache.delete('k');
    await stop.reached;
    await a.cache.get('k');
    stop.pass();
    await deleted;
    await a.cache.drain();
    await expectGone(make, a);
  });

  it('R3: a lower read is answered, delete, then the reply reaches L1: refused', async () => {
    const make = instances(shape);
    const a = await make();
    await a.cache.getOrSet('k', () => 'old');
    await a.cache.drain();
    const b = await make();
    const stop = (b.l2 ?? b.l3)!.stop('replied');
    const read = b.cache.get('k');
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await read;
    await b.cache.drain();
    await expectGone(make, b);
  });

  it('R17: load starts, set on the same node, load commits: the set value stays', async () => {
    const make = instances(shape);
    const a = await make();
    const started = deferred();
    const value = deferred<string>();
    const load = a.cache.getOrSet('k', () => (started.resolve(), value.promise));
    await started.promise;
    await a.cache.set('k', 'set');
    value.resolve('old');
    await load;
    await a.cache.drain();
    await expectValue('set', make, a);
  });
});

describe.each(SHAPES.filter(({ redis }) => redis))('$title, two nodes', (shape) => {
  it.each(REMOVALS)(
    'R2, R5: load starts on A, $name on B, load commits on A: in no tier',
    async ({ run }) => {
      const make = instances(shape);
      const [a, b] = [await make(), await make()];
      const started = deferred();
      const value = deferred<string>();
      const load = a.cache.getOrSet('k', () => (started.resolve(), value.promise), { tags: ['t'] });
      await started.promise;
      await run(b);
      value.resolve('old');
      expect(await load).toBe('old');
      await a.cache.drain();
      await expect.poll(() => a.cache.peek('k')).toBeUndefined();
      await expectGone(make, b);
    },
  );

  it('R3: A has its L2 reply in hand, delete on B, then A fills L1: gone once the message is there', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    await b.cache.getOrSet('k', () => 'old');
    await b.cache.drain();
    const stop = a.l2!.stop('replied');
    const read = a.cache.get('k');
    await stop.reached;
    await b.cache.delete('k');
    stop.pass();
    await read;
    await expect.poll(() => a.cache.peek('k')).toBeUndefined();
    await expectGone(make, b);
  });

  it('R6: A loads the old value, delete on B, B loads the new value and stores it, then A commits: the new one stays', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    const started = deferred();
    const value = deferred<string>();
    const load = a.cache.getOrSet('k', () => (started.resolve(), value.promise));
    await started.promise;
    await b.cache.delete('k');
    expect(await b.cache.getOrSet('k', () => 'new')).toBe('new');
    value.resolve('old');
    expect(await load).toBe('old');
    await Promise.all([a.cache.drain(), b.cache.drain()]);
    await expectValue('new', make, a, b);
  });

  it('R17: load starts on A, set on B, load commits on A: the set value stays everywhere', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    const started = deferred();
    const value = deferred<string>();
    const load = a.cache.getOrSet('k', () => (started.resolve(), value.promise));
    await started.promise;
    await b.cache.set('k', 'set');
    value.resolve('old');
    await load;
    await Promise.all([a.cache.drain(), b.cache.drain()]);
    await expectValue('set', make, a, b);
  });

  it('one load for many callers on two nodes', async () => {
    const make = instances(shape);
    const [a, b] = [await make(), await make()];
    let loads = 0;
    const value = deferred<string>();
    const loader = (): Promise<string> => (loads++, value.promise);
    const callers = Array.from({ length: 50 }, (_, index) =>
      (index % 2 ? a : b).cache.getOrSet('k', loader),
    );
    await expect.poll(() => loads).toBe(1);
    value.resolve('v');
    expect(new Set(await Promise.all(callers))).toEqual(new Set(['v']));
    expect(loads).toBe(1);
  });
});
