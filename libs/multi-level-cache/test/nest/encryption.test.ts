/** Encryption as an application configures it: through the module, with its faults, and what is injected. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Test, type TestingModule } from '@nestjs/testing';
import { freshNamespace, redisUrl } from '../../../../test/support/servers.js';
import {
  CacheManager,
  CacheVault,
  MultiLevelCacheModule,
  type CacheModuleOptions,
  type MasterKeys,
} from '../../src/index.js';
import { validateOptions } from '../../src/nest/validate-options.js';

const KEYS: MasterKeys = { current: 1, keys: { 1: randomBytes(32) } };
const URL = { url: 'redis://localhost:1' };

let redis: Redis;
let module: TestingModule | undefined;
beforeAll(() => {
  redis = new Redis(redisUrl());
});
afterAll(() => redis.disconnect());
afterEach(async () => {
  await module?.close();
  module = undefined;
});

async function boot(security: CacheModuleOptions['security'], namespace = freshNamespace()) {
  const options = { namespace, l2: { url: redisUrl(), budget: 1_000 }, security };
  module = await Test.createTestingModule({
    imports: [MultiLevelCacheModule.forRoot(options)],
  }).compile();
  await module.init();
  return { cache: module.get(CacheManager), vault: module.get(CacheVault), namespace };
}

function faultsOf(security: unknown, more: object = { l2: URL }): string[] {
  try {
    validateOptions({ namespace: 'x', ...more, security });
    return [];
  } catch (error) {
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

describe('the options', () => {
  it('tell all faults at once, and show no secret', () => {
    const faults = faultsOf({
      encryption: { masterKeys: { current: 'hunter2' }, tenantKeys: {}, algorithm: 'rot13' },
      integrity: 'maybe',
      noL1: ['a b'],
      hideKeys: 'hunter2',
    });
    expect(faults.map((line) => line.split(':')[0])).toEqual([
      'security.integrity',
      'security.noL1',
      'security.hideKeys',
      'security.encryption.masterKeys',
      'security.encryption.tenantKeys',
      'security.encryption.algorithm',
    ]);
    expect(faults.join()).not.toMatch(/hunter2|rot13/);
  });

  it('ask for a lower tier, and for encryption where integrity is required', () => {
    const masterKeys = (): MasterKeys => KEYS;
    expect(faultsOf({ encryption: { masterKeys } }, {})).toHaveLength(1);
    expect(faultsOf({ noL1: ['files'] }, {})).toHaveLength(1);
    expect(faultsOf({ integrity: 'required' })).toHaveLength(1);
    expect(faultsOf({ encryption: {} })).toHaveLength(1);
    expect(faultsOf({ encryption: { masterKeys }, integrity: 'off' })).toEqual([]);
  });

  it('require integrity with encryption unless they say otherwise', () => {
    const masterKeys = (): MasterKeys => KEYS;
    const read = (security: object) =>
      validateOptions({ namespace: 'x', l2: URL, security }).security?.encryption;
    expect(read({ encryption: { masterKeys } })).toMatchObject({ required: true });
    expect(read({ encryption: { masterKeys }, integrity: 'off' })).toMatchObject({
      required: false,
    });
    expect(read({})).toBe(false);
  });
});

describe('an application', () => {
  it('encrypts, erases by the injected CacheVault, and is told what was refused', async () => {
    const { cache, vault } = await boot({
      encryption: { masterKeys: () => KEYS },
      noL1: ['default'],
    });
    await cache.set('k', 'v');
    expect(await cache.get('k')).toBe('v');
    expect(vault.on).toBe(true);
    await vault.rotate();
    await vault.erase();
    expect(await cache.get('k')).toBeUndefined();
    await expect(vault.erase('')).rejects.toMatchObject({ code: 'CACHE_OPTION_INVALID' });
    await expect(vault.rotate('a', { overlap: 'soon' as never })).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
  });

  it('does not start with a callback that gives no keys', async () => {
    const keys = { current: 1, keys: { 1: Buffer.from('hunter2') } };
    const booting = boot({ encryption: { masterKeys: () => keys } });
    await expect(booting).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    await expect(booting).rejects.not.toThrow(/hunter2/);
  });

  it('without encryption has a CacheVault that says so', async () => {
    const { vault } = await boot({});
    expect(vault.on).toBe(false);
    expect(vault.stats()).toBeUndefined();
    await expect(vault.erase('a')).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
  });
});

describe('hideKeys', () => {
  const entries = async (namespace: string): Promise<string[]> =>
    (await redis.keys(`${namespace}:*`)).filter((key) => key.includes(':e:'));

  it('names entries by an HMAC: the same for all instances with the secret, another one without', async () => {
    const secret = randomBytes(32);
    const { cache, namespace } = await boot({ hideKeys: () => secret });
    await cache.getOrSet('patient:4711', () => 'v');
    const [name, ...others] = await entries(namespace);
    expect(others).toEqual([]);
    expect(name).not.toContain('4711');
    expect(name).toMatch(/:default:~[\w-]{43}$/);
    await module!.close();
    const same = await boot({ hideKeys: () => Promise.resolve(secret) }, namespace);
    expect(await same.cache.get('patient:4711')).toBe('v');
    await same.cache.delete('patient:4711');
    expect(await entries(namespace)).toEqual([]);
    await module!.close();
    const other = await boot({ hideKeys: () => 'another secret of the application' }, namespace);
    await other.cache.getOrSet('patient:4711', () => 'v');
    expect(await entries(namespace)).not.toContain(name);
  });

  it.each<[string, () => unknown]>([
    ['gives too little', () => 'hunter2'],
    ['gives nothing', () => undefined],
    [
      'fails',
      () => {
        throw new Error('hunter2');
      },
    ],
  ])('stops the boot where its callback %s', async (_what, hideKeys) => {
    const booting = boot({ hideKeys: hideKeys as () => string });
    await expect(booting).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    await expect(booting).rejects.not.toThrow(/hunter2/);
  });
});
