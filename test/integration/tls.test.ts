/** Certificates are verified unless somebody says otherwise, and who says so is told at boot. */
import { Module, Logger, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  MultiLevelCacheModule,
  type CacheModuleOptions,
} from '../../libs/multi-level-cache/src/index.js';
import { closeCaches, testCache, type TestCacheOptions } from '../support/cache.js';
import {
  freshNamespace,
  startTlsPostgres,
  startTlsRedis,
  type Server,
} from '../support/servers.js';

interface Trusted {
  readonly server: Server;
  readonly ca: string;
}

let redis: Trusted;
let postgres: Trusted;
const applications: INestApplicationContext[] = [];

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startTlsRedis(), startTlsPostgres()]);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(applications.splice(0).map((application) => application.close()));
  await closeCaches();
});
afterAll(() => Promise.all([redis, postgres].map(({ server }) => server.stop())));

type Way = Pick<TestCacheOptions, 'database' | 'l2' | 'l3' | 'redis'>;

async function stateOf(way: Way): Promise<string> {
  const made = await testCache({ namespace: freshNamespace(), ...way, mayBeDown: true });
  expect(await made.cache.getOrSet('k', () => 'v')).toBe('v');
  const { l2, l3 } = made.cache.stats().tiers;
  return (way.database === undefined && !way.l3?.dataSource ? l2 : l3).state;
}

const access = (): { host: string; port: number; password: string } => {
  const { hostname, port, password } = new URL(redis.server.url);
  return { host: hostname, port: Number(port), password };
};
const over = (parameters: string): string => `${postgres.server.url}?${parameters}`;
const dataSource = (ssl: unknown): Way => {
  const options = { type: 'postgres', url: postgres.server.url, ssl };
  return { database: '', l3: { url: undefined, dataSource: { options } } };
};

describe('a certificate that nobody signed', () => {
  it.each<[string, () => Way]>([
    ['rediss', () => ({ redis: redis.server.url })],
    ['tls: true', () => ({ l2: { ...access(), tls: true } })],
    ['tls with settings', () => ({ l2: { ...access(), tls: { minVersion: 'TLSv1.2' } } })],
    ['ssl=true', () => ({ database: over('ssl=true') })],
    ['sslmode=require', () => ({ database: over('sslmode=require') })],
    ['sslmode=verify-full', () => ({ database: over('sslmode=verify-full') })],
    ['a DataSource with ssl', () => dataSource(true)],
  ])('is refused by %s', async (_what, way) => expect(await stateOf(way())).toBe('down'));

  it.each<[string, () => Way]>([
    ['Redis by its authority', () => ({ l2: { url: redis.server.url, tls: { ca: redis.ca } } })],
    ['Redis unseen', () => ({ l2: { ...access(), tls: { rejectUnauthorized: false } } })],
    ['PostgreSQL by its authority', () => dataSource({ ca: postgres.ca })],
    ['PostgreSQL unseen', () => ({ database: over('sslmode=no-verify') })],
  ])('is taken from %s', async (_what, way) => expect(await stateOf(way())).toBe('up'));

  it('in the name of another host is refused with its authority too', async () => {
    const settings = { ca: redis.ca, servername: 'other.example' };
    expect(await stateOf({ l2: { ...access(), tls: settings } })).toBe('down');
  });
});

describe('boot', () => {
  async function told(options: Omit<CacheModuleOptions, 'namespace'>): Promise<string[]> {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    @Module({
      imports: [MultiLevelCacheModule.forRoot({ namespace: freshNamespace(), ...options })],
    })
    class Application {}
    applications.push(
      await NestFactory.createApplicationContext(Application, { logger: ['warn'] }),
    );
    return warn.mock.calls.map(([line]) => String(line)).filter((line) => /verif|TLS/.test(line));
  }

  it('warns where nothing is verified, and says nothing where it is', async () => {
    const [l2, l3, ...others] = await told({
      l2: { ...access(), tls: { rejectUnauthorized: false } },
      l3: { url: over('sslmode=no-verify') },
    });
    expect(l2).toMatch(
      /^cache\.advice tls-unverified: l2: the certificate of Redis is not verified/,
    );
    expect(l3).toMatch(
      /^cache\.advice tls-unverified: l3: the certificate of PostgreSQL is not verified/,
    );
    expect(others).toEqual([]);
    vi.restoreAllMocks();
    expect(await told({ l2: { url: redis.server.url, tls: { ca: redis.ca } } })).toEqual([]);
  });
});
