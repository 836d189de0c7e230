/** Module options: defaults, every fault at once, and no secret in a message. */
import { describe, expect, it } from 'vitest';
import { isCacheError } from '../../src/core/errors.js';
import { validateOptions } from '../../src/nest/validate-options.js';

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
      l1: { maxEntries: 10_000, maxSize: 67_108_864, ttl: undefined, keepStale: true },
      l2: false,
      l3: false,
      defaults: { ttl: 300_000, grace: 3_600_000, hardTimeout: 30_000, partitionTtl: 30_000 },
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

  it.each([
    ['l1.eviction', { l1: { eviction: 's3-fifo' } }, "'lru'"],
    ['l1.isolation', { l1: { isolation: 'clone' } }, "'freeze'"],
    ['l2.failover', { l2: { url: 'redis://h', failover: 'cold' } }, "'warm'"],
    ['l3.unlogged', { l3: { url: 'postgres://h/d', unlogged: true } }, 'false'],
    ['l3.poolerMode', { l3: { url: 'postgres://h/d', poolerMode: true } }, 'false'],
    ['l3.maxSize', { l3: { url: 'postgres://h/d', maxSize: '1gb' } }, 'leaving it out'],
    ['defaults.jitter', { defaults: { jitter: 0.1 } }, '0'],
    ['defaults.refreshAhead', { defaults: { refreshAhead: 0.8 } }, '0'],
    ['defaults.timeout', { defaults: { timeout: '1s' } }, 'leaving it out'],
    ['defaults.negativeTtl', { defaults: { negativeTtl: '1s' } }, 'leaving it out'],
    ['profile', { profile: 'strict' }, "'resilient'"],
    ['consistency', { consistency: 'strong' }, "'eventual'"],
    ['warming', { warming: {} }, 'false'],
    ['security', { security: { tenancy: 'off' } }, 'false'],
    ['telemetry', { telemetry: true }, 'false'],
    ['placement', { placement: {} }, 'false'],
  ])('says that %s is not available yet', (path, options, only) => {
    const [line, ...others] = faultsOf({ namespace: 'a', ...options });
    expect(others).toEqual([]);
    expect(line).toMatch(new RegExp(`^${path}: `));
    expect(line).toContain(`not available yet; only ${only} is allowed`);
  });

  it.each(['sentinels', 'cluster', 'client', 'credentials'])('says so of l2.%s', (name) => {
    const lines = faultsOf({ namespace: 'a', l2: { host: 'h', [name]: {} } });
    expect(lines).toEqual([
      expect.stringContaining(`l2.${name}: is an object; allowed: not available yet`),
    ]);
  });

  it.each([[undefined], [null], [[]], ['text'], [5]])('refuses %s in place of options', (given) => {
    expect(faultsOf(given).length).toBeGreaterThan(0);
  });
});
