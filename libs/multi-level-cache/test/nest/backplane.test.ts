/** Sealed messages as an application configures them: through the module, with its faults. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Test, type TestingModule } from '@nestjs/testing';
import { databaseUrl, freshNamespace, redisUrl } from '../../../../test/support/servers.js';
import { CacheManager, MultiLevelCacheModule, type CacheModuleOptions } from '../../src/index.js';
import { validateOptions } from '../../src/nest/validate-options.js';

const URL = { url: 'redis://localhost:1' };

let redis: Redis;
const modules: TestingModule[] = [];
beforeAll(() => {
  redis = new Redis(redisUrl());
});
afterAll(() => redis.disconnect());
afterEach(async () => {
  await Promise.all(modules.splice(0).map((module) => module.close()));
});

type Security = CacheModuleOptions['security'];

async function boot(
  security: Security,
  namespace = freshNamespace(),
  tiers: object = { l2: { url: redisUrl(), budget: 1_000 } },
): Promise<{ cache: CacheManager; namespace: string }> {
  const module = await Test.createTestingModule({
    imports: [MultiLevelCacheModule.forRoot({ namespace, ...tiers, security })],
  }).compile();
  modules.push(module);
  await module.init();
  return { cache: module.get(CacheManager), namespace };
}

function faultsOf(security: unknown, more: object = { l2: URL }): string[] {
  try {
    validateOptions({ namespace: 'x', ...more, security });
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
}

describe('the options', () => {
  const key = (): Buffer => randomBytes(32);

  it('tell faults without showing a secret', () => {
    for (const backplane of [{}, { key: 'hunter2' }, { key, more: 'hunter2' }, true, 'hunter2']) {
      const faults = faultsOf({ backplane });
      expect(faults.length).toBeGreaterThan(0);
      expect(faults.join()).toContain('security.backplane');
      expect(faults.join()).not.toContain('hunter2');
    }
    expect(faultsOf({ backplane: { key } }, {})).toHaveLength(1);
    for (const backplane of [undefined, false, { key }])
      expect(faultsOf({ backplane })).toEqual([]);
  });
});

describe('an application', () => {
  const types = async (namespace: string): Promise<string[]> =>
    (await redis.xrange(`${namespace}:{~}:st`, '-', '+')).map(
      ([, fields]) => fields[fields.indexOf('t') + 1],
    );

  it.each<[string, (secret: Buffer) => Security]>([
    ['with a secret of its own', (secret) => ({ backplane: { key: () => secret } })],
    ['that hides keys', (secret) => ({ hideKeys: () => secret })],
    [
      'that hides keys and leaves the option off',
      (secret) => ({ hideKeys: () => secret, backplane: false }),
    ],
  ])('%s seals its messages, and its instances hear each other', async (_what, security) => {
    const secret = randomBytes(32);
    const { cache, namespace } = await boot(security(secret));
    const other = await boot(security(secret), namespace);
    await other.cache.getOrSet('k', () => 'v');
    await cache.delete('k');
    await expect.poll(() => other.cache.peek('k')).toBeUndefined();
    const all = await types(namespace);
    expect(all.length).toBeGreaterThan(0);
    expect(new Set(all)).toEqual(new Set(['z']));
    expect(other.cache.stats().tiers.l2.corrupt).toBe(0);
  });

  it('without either tells everything in clear', async () => {
    const { cache, namespace } = await boot({});
    await cache.delete('k');
    expect(await types(namespace)).toContain('d');
  });

  it('without Redis hears what is told through PostgreSQL', async () => {
    const key = (): string => 'x'.repeat(32);
    const l3 = { l3: { url: databaseUrl() } };
    const { cache, namespace } = await boot({ backplane: { key } }, undefined, l3);
    const other = await boot({ backplane: { key } }, namespace, l3);
    await other.cache.getOrSet('k', () => 'v');
    await cache.delete('k');
    await expect.poll(() => other.cache.peek('k')).toBeUndefined();
    expect(other.cache.stats().tiers.l3.corrupt).toBe(0);
  });

  it('asks for each secret once', async () => {
    let asked = 0;
    const secret = (): Buffer => (asked++, Buffer.alloc(32, 7));
    await boot({ hideKeys: secret, backplane: { key: secret } });
    expect(asked).toBe(2);
  });

  it.each<[string, () => unknown]>([
    ['gives too little', () => 'hunter2-hunter2-hunter2-hunter2'],
    ['gives nothing', () => undefined],
    ['fails', () => Promise.reject(new Error('hunter2'))],
  ])('does not start where the callback %s', async (_what, key) => {
    const booting = boot({ backplane: { key: key as () => string } });
    await expect(booting).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    await expect(booting).rejects.not.toThrow(/hunter2/);
  });
});
