/** What is said of ways on which somebody could read along, and what is not. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { L2Options, L3Options } from '../../src/core/options.js';
import { adviceOnTransport } from '../../src/nest/transport-advice.js';
import { L3 } from '../../../../test/support/options.js';

afterEach(() => vi.unstubAllEnvs());

const told = (options: Parameters<typeof adviceOnTransport>[0]): readonly string[] =>
  adviceOnTransport(options).map(({ about, code, says }) => {
    expect(says).toMatch(new RegExp(`^${about}: `));
    return `${code} ${says}`;
  });
const l2 = (more: Partial<L2Options>): readonly string[] =>
  told({ l2: { budget: 1, ...more }, l3: false });
const l3 = (more: Partial<L3Options>): readonly string[] =>
  told({ l2: false, l3: { ...L3, ...more } });
const pg = (options: object): readonly string[] =>
  l3({ dataSource: { options: { type: 'postgres', ...options } } });
const client = (given: object): readonly string[] =>
  l2({ client: given as NonNullable<L2Options['client']> });

const OFF = { rejectUnauthorized: false };

describe('says nothing of', () => {
  it.each([
    ['no lower tier', () => adviceOnTransport({ l2: false, l3: false })],
    ['Redis on loopback', () => l2({ url: 'redis://:secret@127.0.0.1:6379' })],
    ['Redis on localhost', () => l2({ host: 'localhost' })],
    ['Redis on ::1', () => l2({ url: 'redis://[::1]:6379' })],
    ['rediss', () => l2({ url: 'rediss://cache.internal' })],
    ['tls: true', () => l2({ host: 'cache.internal', tls: true })],
    ['tls with an authority', () => l2({ cluster: [{ host: 'a', port: 1 }], tls: { ca: 'pem' } })],
    ['a client over a socket', () => client({ options: { path: '/run/redis' } })],
    ['a client with TLS', () => client({ options: { host: 'far', tls: {} } })],
    [
      'a cluster client with TLS',
      () => client({ startupNodes: [{ host: 'far' }], options: { redisOptions: { tls: {} } } }),
    ],
    ['PostgreSQL on loopback', () => l3({ url: 'postgres://u:p@127.0.0.1/db' })],
    ['PostgreSQL over a socket', () => l3({ url: 'postgres:///db?host=/run/postgresql' })],
    ['sslmode=require', () => l3({ url: 'postgres://u:p@far/db?sslmode=require' })],
    ['ssl=true', () => l3({ url: 'postgres://u:p@far/db?ssl=true' })],
    ['a root certificate', () => l3({ url: 'postgres://u:p@far/db?sslrootcert=/ca.pem' })],
    ['a DataSource with ssl', () => pg({ host: 'far', ssl: { ca: 'pem' } })],
    ['one with ssl in extra', () => pg({ host: 'far', extra: { ssl: true } })],
  ])('%s', (_what, advice) => expect(advice()).toEqual([]));
});

describe('says that no certificate is verified', () => {
  it.each([
    ['rejectUnauthorized', () => l2({ url: 'rediss://far', tls: OFF })],
    ['on loopback too', () => l2({ host: '127.0.0.1', tls: OFF })],
    ['of a client', () => client({ options: { host: 'far', tls: OFF } })],
    [
      'of a cluster client',
      () => client({ startupNodes: ['redis://far'], options: { redisOptions: { tls: OFF } } }),
    ],
    ['no-verify', () => l3({ url: 'postgres://u:p@far/db?sslmode=no-verify' })],
    [
      'as libpq takes require',
      () => l3({ url: 'postgres://u:p@far/db?sslmode=require&uselibpqcompat=true' }),
    ],
    ['of a DataSource', () => pg({ url: 'postgres://u:p@far/db', ssl: OFF })],
  ])('%s', (_what, advice) =>
    expect(advice()).toEqual([
      expect.stringMatching(/^tls-unverified l[23]: the certificate of \w+ is not verified/),
    ]),
  );

  it('where Node is told so for the whole process', () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(l2({ url: 'rediss://far' })).toHaveLength(1);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '1');
    vi.stubEnv('PGSSLMODE', 'no-verify');
    expect(l3({ url: 'postgres://u:p@far/db' })).toHaveLength(1);
    vi.stubEnv('PGSSLMODE', 'verify-full');
    expect(l3({ url: 'postgres://u:p@far/db' })).toHaveLength(0);
  });
});

describe('says that it is on another machine without TLS', () => {
  it.each([
    ['a url', () => l2({ url: 'redis://:secret@cache.internal' })],
    ['a host', () => l2({ host: '10.0.0.7', tls: false })],
    [
      'sentinels',
      () =>
        l2({
          sentinels: [
            { host: 'localhost', port: 1 },
            { host: 'far', port: 1 },
          ],
          name: 'm',
        }),
    ],
    ['a name like loopback', () => l2({ host: '127.0.0.1.evil.example' })],
    ['a client', () => client({ options: { host: 'far' } })],
    ['a cluster client', () => client({ startupNodes: [{ host: 'far' }], options: {} })],
    ['PostgreSQL', () => l3({ url: 'postgres://u:p@far/db' })],
    ['sslmode=disable', () => l3({ url: 'postgres://u:p@far/db?sslmode=disable' })],
    ['a host as parameter', () => l3({ url: 'postgres://u:p@localhost/db?host=far' })],
    ['a DataSource', () => pg({ host: 'far' })],
    ['a DataSource by url', () => pg({ url: 'postgres://u:p@far/db' })],
  ])('%s', (_what, advice) => {
    const given = advice();
    expect(given).toEqual([
      expect.stringMatching(/^tls-missing .* is on another machine and is not spoken to over TLS/),
    ]);
    expect(given.join()).not.toMatch(/far|internal|10\.0|secret|u:p/);
  });
});
