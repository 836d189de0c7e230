/** `mutate`: the write runs under a guard, and nothing older than its commit is kept by anybody, also if its process dies. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, deferred, testCache, type Stop, type TestCache } from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';
import { TOPOLOGIES } from '../support/topologies.js';
import { instances, SHAPES, topologies } from './shapes.js';

const shapes = topologies(...TOPOLOGIES);
afterEach(closeCaches);

describe.each(SHAPES)('$title', (shape) => {
  const { redis } = shape;
  const read = ({ cache }: TestCache, value: string): Promise<string> =>
    cache.getOrSet('k', () => value, { tags: ['t'] });

  it('what another instance loads while the write runs goes to its caller and into no tier', async () => {
    const make = instances(shape, shapes);
    const [writer, reader] = [await make(), await make()];
    await read(writer, 'old');
    await writer.cache.drain();
    const commit = deferred();
    const begun = deferred();
    const written = writer.cache.mutate({ keys: ['k'], tags: ['t'] }, async () => {
      begun.resolve();
      await commit.promise;
      return 'result';
    });
    await begun.promise;
    // With L2 everybody has been told; without it the reader's memory ends with its ttl.
    if (redis) await expect.poll(() => reader.cache.peek('k')).toBeUndefined();
    expect(await read(reader, 'before the commit')).toBe('before the commit');
    expect(await read(writer, 'at the writer')).toBe('at the writer');
    for (const { cache } of [reader, writer]) {
      await cache.drain();
      expect(await cache.get('k')).toBeUndefined();
    }
    commit.resolve();
    expect(await written).toBe('result');
    for (const one of [writer, reader, await make()]) expect(await read(one, 'new')).toBe('new');
  });

  it('a load that began before the write and ends after it is kept nowhere', async () => {
    const make = instances(shape, shapes);
    const [writer, reader] = [await make(), await make()];
    const [started, answer] = [deferred(), deferred<string>()];
    const load = reader.cache.getOrSet('k', () => {
      started.resolve();
      return answer.promise;
    });
    await started.promise;
    await writer.cache.mutate({ keys: ['k'] }, () => undefined);
    answer.resolve('old');
    expect(await load).toBe('old');
    await reader.cache.drain();
    if (redis) await expect.poll(() => reader.cache.get('k')).toBeUndefined();
    expect(await (await make()).cache.get('k')).toBeUndefined();
  });

  it('throws what the write throws, and removes all the same', async () => {
    const make = instances(shape, shapes);
    const { cache } = await make();
    await cache.getOrSet('k', () => 'old', { tags: ['t'] });
    const failure = new Error('no');
    const failing = (): Promise<never> => Promise.reject(failure);
    await expect(cache.mutate({ keys: ['k'] }, failing)).rejects.toBe(failure);
    expect(await cache.get('k')).toBeUndefined();
    await cache.getOrSet('k', () => 'old', { tags: ['t'] });
    await expect(cache.mutate({ tags: ['t'] }, failing)).rejects.toBe(failure);
    expect(await cache.get('k')).toBeUndefined();
    expect(await read(await make(), 'new')).toBe('new');
  });

  it('two writers of one key: guarded until both are done', async () => {
    const make = instances(shape, shapes);
    const [one, other] = [await make(), await make()];
    const [first, second] = [deferred(), deferred()];
    const begun = [deferred(), deferred()];
    const writes = [one, other].map(({ cache }, at) =>
      cache.mutate({ keys: ['k'] }, () => {
        begun[at].resolve();
        return [first, second][at].promise;
      }),
    );
    await Promise.all(begun.map(({ promise }) => promise));
    first.resolve();
    await writes[0];
    expect(await read(one, 'between')).toBe('between');
    await one.cache.drain();
    expect(await (await make()).cache.get('k')).toBeUndefined();
    second.resolve();
    await writes[1];
    for (const made of [other, one, await make()]) expect(await read(made, 'new')).toBe('new');
  });
});

it('strict, the write fails and so does its end: the write’s own error is told', async () => {
  const { cache, l2 } = await testCache({ namespace: freshNamespace(), redis: redisUrl() });
  const failure = new Error('no');
  let later: Stop | undefined;
  const write = (): never => {
    later = l2!.failThenStop('apply');
    throw failure;
  };
  await expect(cache.mutate({ keys: ['k'] }, write, { strict: true })).rejects.toBe(failure);
  later!.pass();
});

it('strict, PostgreSQL goes away while the write runs: told, and what was set meanwhile is removed all the same', async () => {
  const { cache, l3 } = await testCache({
    namespace: freshNamespace(),
    redis: redisUrl(),
    database: databaseUrl(),
  });
  let later: Stop | undefined;
  const write = async (): Promise<void> => {
    await cache.set('k', 'meanwhile', { tags: ['t'] });
    later = l3!.failThenStop('apply');
    await cache.delete('other');
  };
  await expect(cache.mutate({ tags: ['t'] }, write, { strict: true })).rejects.toMatchObject({
    code: 'CACHE_TIER_UNAVAILABLE',
  });
  expect(await cache.get('k', { tiers: ['l2'] })).toBeUndefined();
  later!.pass();
  await expect.poll(() => cache.explain('k').then(({ tiers }) => tiers.l3?.state)).toBe('invalid');
});

it.each([
  ['no target', {}, /names no key and no tag/],
  ['an unknown target', { key: 'k' }, /key is unknown/],
  ['a bad key', { keys: [''] }, /CACHE_KEY_INVALID/],
  ['a bad tag', { tags: [''] }, /tags/],
  ['no list', { keys: 'k' }, /keys/],
])('%s is told before anything is written', async (_name, targets, message) => {
  const { cache } = await testCache({ namespace: freshNamespace() });
  let ran = false;
  const write = (): void => void (ran = true);
  await expect(cache.mutate(targets as never, write)).rejects.toThrow(message);
  await expect(cache.mutate({ keys: ['k'] }, undefined as never)).rejects.toThrow(/write/);
  const options = { consistency: 'local' } as object;
  await expect(cache.mutate({ keys: ['k'] }, write, options)).rejects.toThrow(/consistency/);
  expect(ran).toBe(false);
});
