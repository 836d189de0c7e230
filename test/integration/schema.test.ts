/** A schema of the caller's: what Redis and PostgreSQL hold is looked at before anybody gets it. */
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  isSchema,
  type StandardSchema,
} from '../../libs/multi-level-cache/src/core/standard-schema.js';
import { Cached, MultiLevelCacheModule } from '../../libs/multi-level-cache/src/index.js';
import { closeCaches, testCache, type TestCacheOptions } from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

interface User {
  readonly id: number;
  readonly name: string;
}

function schema(validate: (value: unknown) => unknown): StandardSchema {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

const isUser = (value: unknown): value is User =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).join() === 'id,name' &&
  typeof (value as User).name === 'string';
const USER = schema((value) => (isUser(value) ? { value } : { issues: [{ message: 'no user' }] }));
const OLD = { id: 1, title: 'Ada' };
const NEW: User = { id: 1, name: 'Ada' };

const TIERS = {
  l2: { redis: redisUrl() },
  l3: { database: databaseUrl() },
} satisfies Record<string, Partial<TestCacheOptions>>;

const applications: INestApplicationContext[] = [];
afterEach(async () => {
  await closeCaches();
  await Promise.all(applications.splice(0).map((application) => application.close()));
});

describe.each(['l2', 'l3'] as const)('%s', (tier) => {
  const two = async (): Promise<[Awaited<ReturnType<typeof testCache>>, typeof reader]> => {
    const namespace = freshNamespace();
    const writer = await testCache({ namespace, ...TIERS[tier] });
    const reader = await testCache({ namespace, ...TIERS[tier] });
    return [writer, reader];
  };

  it('what another version has stored is a counted miss for every verb, and the loader replaces it', async () => {
    const [writer, reader] = await two();
    const { cache } = reader;
    const keys = ['a', 'b', 'c', 'd'];
    for (const key of keys) await writer.cache.getOrSet(key, () => OLD);
    await writer.cache.drain();
    expect(await cache.get('a', { schema: USER })).toBeUndefined();
    expect([...(await cache.getMany(['a', 'b'], { schema: USER }))]).toEqual([]);
    expect(cache.stats().tiers[tier]).toMatchObject({ hits: 0, corrupt: 3, state: 'up' });
    expect(await cache.getOrSet('a', () => NEW, { schema: USER })).toEqual(NEW);
    const many = await cache.getOrSetMany(
      ['c', 'd'],
      () => [
        ['c', NEW],
        ['d', NEW],
      ],
      { schema: USER },
    );
    expect([...many.values()]).toEqual([NEW, NEW]);
    await cache.drain();
    const third = await testCache({ namespace: writer.namespace, ...TIERS[tier] });
    for (const key of ['a', 'c', 'd'])
      expect(await third.cache.get(key, { schema: USER })).toEqual(NEW);
    expect(third.cache.stats().tiers[tier]).toMatchObject({ hits: 3, corrupt: 0 });
  });

  it('does not stand in for a loader that fails either', async () => {
    const [writer, reader] = await two();
    await writer.cache.getOrSet('k', () => OLD);
    await writer.cache.drain();
    await writer.cache.expire('k');
    const down = (): Promise<User> => Promise.reject(new Error('down'));
    await expect(reader.cache.getOrSet('k', down, { schema: USER })).rejects.toThrow('down');
    expect(await reader.cache.getOrSet<unknown>('k', down)).toEqual(OLD);
  });

  it('a schema that throws says no; one that answers later is refused by name', async () => {
    const [writer, reader] = await two();
    const { cache } = reader;
    await writer.cache.getOrSet('k', () => OLD);
    await writer.cache.drain();
    const throwing = schema(() => {
      throw new TypeError('of undefined');
    });
    expect(await cache.get('k', { schema: throwing })).toBeUndefined();
    const late = schema(() => Promise.reject(new Error('nobody waits for this')));
    for (const ask of [
      () => cache.get('k', { schema: late }),
      () => cache.getMany(['k'], { schema: late }),
      () => cache.getOrSet<unknown>('k', () => NEW, { schema: late }),
    ])
      await expect(ask()).rejects.toMatchObject({ code: 'CACHE_OPTION_INVALID' });
    expect(await cache.get('k')).toEqual(OLD);
  });
});

it('callers with other schemas do not share a load', async () => {
  const { cache } = await testCache({ namespace: freshNamespace(), redis: redisUrl() });
  let loads = 0;
  const load = (): User => (loads++, NEW);
  await Promise.all([
    cache.getOrSet('k', load, { schema: USER, tiers: ['l1'] }),
    cache.getOrSet('k', load, { schema: USER, tiers: ['l1'] }),
    cache.getOrSet('k', load, { schema: schema((value) => ({ value })), tiers: ['l1'] }),
  ]);
  expect(loads).toBe(2);
});

it('is checked as an option', async () => {
  const { cache } = await testCache({ namespace: freshNamespace() });
  const arkType = Object.assign(() => undefined, USER);
  expect([
    isSchema(arkType),
    isSchema(() => true),
    isSchema({ '~standard': { version: 2 } }),
  ]).toEqual([true, false, false]);
  for (const wrong of [() => true, {}, 'user'] as unknown as StandardSchema[])
    await expect(cache.getOrSet('k', () => 1, { schema: wrong })).rejects.toThrow(
      /^CACHE_OPTION_INVALID: schema is .*; allowed: a Standard Schema of version 1$/,
    );
  await expect(cache.set('k', 1, { schema: USER })).rejects.toMatchObject({
    code: 'CACHE_OPTION_INVALID',
  });
  expect(() =>
    Cached({ schema: {} as StandardSchema })(Named.prototype, 'find', {
      value: (): Promise<number> => Promise.resolve(1),
    }),
  ).toThrow(/schema: is an object; allowed: a Standard Schema/);
});

class Named {
  find(): Promise<number> {
    return Promise.resolve(1);
  }
}

it('stands on a decorated method', async () => {
  const namespace = freshNamespace();
  class Users {
    @Cached({ key: (id) => `user:${id}`, schema: USER })
    async find(id: number): Promise<User> {
      return Promise.resolve({ ...NEW, id });
    }
  }
  @Module({
    imports: [MultiLevelCacheModule.forRoot({ namespace, l2: { url: redisUrl(), budget: 1_000 } })],
    providers: [Users],
  })
  class Application {}
  const writer = await testCache({ namespace, redis: redisUrl() });
  await writer.cache.getOrSet('user:1', () => OLD);
  const application = await NestFactory.createApplicationContext(Application, { logger: false });
  applications.push(application);
  expect(await application.get(Users).find(1)).toEqual(NEW);
});
