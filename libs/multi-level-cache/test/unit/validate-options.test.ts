/** Module options: defaults, every fault at once, and no secret in a message. */
import { describe, expect, it } from 'vitest';
import { isCacheError } from '../../src/core/errors.js';
import { validateFeatures, validateOptions } from '../../src/nest/validate-options.js';

function faultsOf(options: unknown): string[] {
  try {
    validateOptions(options);
  } catch (error) {
    if (!isCacheError(error, 'CACHE_CONFIG_INVALID')) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

describe('validateOptions', () => {
  it('completes a namespace alone to a memory cache', () => {
    expect(validateOptions({ namespace: 'shop' })).toEqual({
      namespace: 'shop',
      l1: {
        maxEntries: 10_000,
        maxSize: 67_108_864,
        eviction: 's3-fifo',
        ttl: undefined,
        isolation: 'freeze',
        keepStale: true,
      },
      l2: false,
      l3: false,
      defaults: {
        ttl: 300_000,
        grace: 3_600_000,
        timeout: undefined,
        hardTimeout: 30_000,
        negativeTtl: undefined,
        jitter: 0.1,
        refreshAhead: 0,
        partitionTtl: 30_000,
      },
      groups: [],
      warming: false,
      placement: undefined,
      security: { tenancy: 'off', encryption: false, noL1: [] },
      strict: false,
    });
  });

  it('caps L1 at a minute and keeps no stale values there where a lower tier is on', () => {
    const { l1, l2, l3 } = validateOptions({
      namespace: 'shop',
      l2: { url: 'redis://localhost:6379' },
      l3: { url: 'postgres://localhost/shop' },
    });
    expect(l1).toMatchObject({ ttl: 60_000, keepStale: false });
    expect(l2).toMatchObject({ url: 'redis://localhost:6379', budget: 20 });
    expect(l3).toMatchObject({
      poolSize: 4,
      schema: 'mlcache',
      table: 'entry',
      migrate: true,
      budget: 50,
    });
  });

  it('takes times and sizes as text', () => {
    const { l1, defaults } = validateOptions({
      namespace: 'a',
      l1: { maxSize: '2mb', ttl: '10s' },
      defaults: { ttl: '1h', grace: 0 },
    });
    expect(l1).toMatchObject({ maxSize: 2_097_152, ttl: 10_000 });
    expect(defaults).toMatchObject({ ttl: 3_600_000, grace: 0 });
  });

  it('lets every tier be off', () => {
    expect(validateOptions({ namespace: 'a', l1: false })).toMatchObject({ l1: false, l2: false });
  });

  it('takes a DataSource of type postgres and refuses another', () => {
    const dataSource = { options: { type: 'postgres' } };
    expect(validateOptions({ namespace: 'a', l3: { dataSource } }).l3).toMatchObject({
      dataSource,
    });
    expect(
      faultsOf({ namespace: 'a', l3: { dataSource: { options: { type: 'mysql' } } } }),
    ).toEqual(["l3.dataSource: is an object; allowed: a TypeORM DataSource of type 'postgres'"]);
  });

  it('tells all faults at once, one line each, with path, value and what is allowed', () => {
    const lines = faultsOf({
      namespace: 'a b',
      l1: { maxEntries: 0, maxSize: 'huge' },
      l2: { port: 70_000 },
      l3: { url: 'mysql://u:p@h/d', poolSize: 1.5 },
      defaults: { ttl: -1 },
      unheardOf: 1,
    });
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'namespace',
      'l2.url',
      'l2.port',
      'l3.url',
      'l3.poolSize',
      'l1.maxEntries',
      'l1.maxSize',
      'defaults.ttl',
      'unheardOf',
    ]);
    expect(lines[0]).toContain("'a b'; allowed: 1 to 64 characters");
    expect(lines[7]).toContain('is -1; allowed: milliseconds');
    expect(lines[8]).toContain('unknown option; allowed: one of consistency, defaults');
  });

  it('never shows a URL, a password or a misspelt secret', () => {
    const text = faultsOf({
      namespace: 'redis://:hunter2@host',
      l2: { url: 'http://:hunter2@host', password: 5, passwrod: 'hunter2', tls: 'hunter2' },
      l3: 'postgres://u:hunter2@host/db',
    }).join('\n');
    expect(text).toContain('l2.passwrod');
    expect(text).not.toMatch(/hunter2|@host/);
  });

  it.each([['telemetry', { telemetry: true }, 'false']])(
    'says that %s is not available yet',
    (path, options, only) => {
      const [line, ...others] = faultsOf({ namespace: 'a', ...options });
      expect(others).toEqual([]);
      expect(line).toMatch(new RegExp(`^${path}: `));
      expect(line).toContain(`not available yet; only ${only} is allowed`);
    },
  );

  it.each([
    ['l1.eviction', { l1: { eviction: 'lfu' } }, "'lru', 's3-fifo'"],
    ['l1.isolation', { l1: { isolation: 'copy' } }, "'freeze', 'clone', 'share'"],
    ['l2.url', { l2: { url: 'redis://h', cluster: [{ host: 'h', port: 1 }] } }, 'exactly one of'],
    ['security.tenancy', { security: { tenancy: 'on' } }, "'off', 'optional', 'required'"],
    ['security.resolve', { security: { resolve: 'jwt' } }, 'a function'],
    ['security.context', { security: { context: {} } }, 'a function'],
    ['security.policy', { security: { policy: {} } }, 'an object with the method can'],
    ['security.tenant', { security: { tenant: 'a' } }, 'one of'],
    ['consistency', { consistency: 'often' }, "'eventual', 'strong', 'local'"],
    ['consistency', { consistency: 'strong' }, 'with l2 or l3 on: there is no shared tier to ask'],
    ['l2.name', { l2: { sentinels: [{ host: 'h', port: 1 }] } }, 'the name of the master'],
    ['l2.sentinels', { l2: { sentinels: [], name: 'm' } }, 'a list of { host, port }'],
    ['l2.cluster', { l2: { cluster: [{ host: 'h' }] } }, 'a list of { host, port }'],
    ['l2.client', { l2: { client: {} } }, 'an ioredis Redis or Cluster'],
    ['l2.credentials', { l2: { host: 'h', credentials: 'x' } }, 'a function that returns'],
    ['l2.failover', { l2: { host: 'h', failover: 'tepid' } }, "'warm', 'cold'"],
    ['l2.port', { l2: { url: 'redis://h', port: 1 } }, 'with host only'],
    ['defaults.jitter', { defaults: { jitter: 2 } }, 'a number from 0 to 1'],
    ['defaults.refreshAhead', { defaults: { refreshAhead: -1 } }, 'a number from 0 to 1'],
    ['defaults.timeout', { defaults: { timeout: '25d' } }, 'at most 24 days'],
    ['defaults.negativeTtl', { defaults: { negativeTtl: 'soon' } }, 'milliseconds'],
    ['profile', { profile: 'lax' }, "'resilient', 'strict', 'economy'"],
    ['profile', { profile: 'strict' }, 'with l2 or l3 on'],
    ['placement', { placement: true }, 'false or an object with the methods skipsRead'],
    ['placement', { placement: { skipsRead: () => undefined } }, 'skipsFill, skipsPromotion'],
    ['groups', { groups: ['user:*'] }, 'a list of key groups'],
    ['warming', { warming: true }, 'an object'],
    ['warming.keys', { warming: { keys: 0 } }, 'a whole number'],
    [
      'warming.often',
      { warming: { often: 1 } },
      'one of budget, concurrency, interval, keys, onBoot, predictor, share',
    ],
    ['l3.maxAge', { l3: { url: 'postgres://h/d', maxAge: '31d' } }, "at most '30d'"],
  ])('says what %s may be', (path, options, allowed) => {
    const [line, ...others] = faultsOf({ namespace: 'a', ...options });
    expect(others).toEqual([]);
    expect(line).toMatch(new RegExp(`^${path}: `));
    expect(line).toContain(allowed);
  });

  it('takes a profile and lets options win over it', () => {
    const { defaults } = validateOptions({
      namespace: 'a',
      profile: 'economy',
      defaults: { grace: 5, jitter: 0 },
    });
    expect(defaults).toMatchObject({ ttl: 3_600_000, grace: 5, jitter: 0 });
  });

  it('takes the profile strict, where there is a tier to ask', () => {
    const l2 = { url: 'redis://h' };
    const strict = validateOptions({ namespace: 'a', l2, profile: 'strict' });
    expect(strict).toMatchObject({
      strict: true,
      defaults: { grace: 0, hardTimeout: 10_000, partitionTtl: 0, consistency: 'strong' },
    });
    const alone = { namespace: 'a', profile: 'strict', consistency: 'eventual' };
    expect(validateOptions(alone).defaults).toMatchObject({ consistency: 'eventual', grace: 0 });
  });

  it.each([[undefined], [null], [[]], ['text'], [5]])('refuses %s in place of options', (given) => {
    expect(faultsOf(given).length).toBeGreaterThan(0);
  });
});

describe('validateFeatures', () => {
  const { defaults } = validateOptions({ namespace: 'a', defaults: { ttl: '1h' } });

  it('lays what a named cache says over what the application says', () => {
    const caches = validateFeatures(
      [{ name: 'sessions', l3: false, defaults: { ttl: '30m' } }, { name: 'plain' }],
      defaults,
    );
    expect(caches.get('sessions')).toMatchObject({
      tiers: ['l1', 'l2'],
      defaults: { ttl: 1_800_000 },
    });
    expect(caches.get('plain')).toEqual({ defaults });
  });

  it('tells all faults at once', () => {
    const given = [
      { l1: true },
      { name: 'x', ttl: 5 },
      { name: 'x', defaults: { partitionTtl: 1 } },
    ];
    expect(() => validateFeatures(given, defaults)).toThrow(
      /forFeature\[0\]\.name[^]*forFeature\[0\]\.l1[^]*forFeature\[1\]\.ttl[^]*forFeature\[2\]\.defaults\.partitionTtl[^]*forFeature\[2\]\.name/,
    );
  });
});
