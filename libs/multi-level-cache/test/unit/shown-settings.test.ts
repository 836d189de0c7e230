/** Options as an operator sees them: nothing secret is among them, wherever an application may have put it. */
import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shown } from '../../src/manager/shown-settings.js';
import { validateOptions } from '../../src/nest/validate-options.js';
import { PermissionPolicy } from '../../src/security/permission-policy.js';

const MASKED = '***';

it('shows options as they hold, defaults included', () => {
  const options = validateOptions({
    namespace: 'shop',
    l2: { url: 'rediss://app:hunter2@cache.internal:6380/3?family=6' },
    l3: { url: 'postgres://app:hunter2@db.internal/shop?password=hunter3', listable: true },
    warming: { keys: 500 },
    security: { tenancy: 'required', policy: new PermissionPolicy(), noL1: ['patients'] },
  });
  expect(shown(options)).toMatchObject({
    namespace: 'shop',
    l1: { maxEntries: 10_000, maxSize: 67_108_864 },
    l2: { url: 'rediss://cache.internal:6380', budget: 20 },
    l3: { url: 'postgres://db.internal', schema: 'mlcache', listable: true },
    defaults: { ttl: 300_000, partitionTtl: 30_000 },
    warming: { keys: 500 },
    security: { tenancy: 'required', policy: '[PermissionPolicy]', noL1: ['patients'] },
  });
});

it('names functions, clients and classes', () => {
  class Own {
    readonly password = 'x';
  }
  expect(
    shown({
      l2: { client: { options: { password: 'x' } }, credentials: () => ({}) },
      l3: { dataSource: new Own() },
      placement: new Own(),
      security: { encryption: { masterKeys: () => ({}), tenantKeys: { record: 'x' } } },
      nothing: undefined,
    }),
  ).toEqual({
    l2: { client: '[client]', credentials: '[function]' },
    l3: { dataSource: '[client]' },
    placement: '[Own]',
    security: { encryption: { masterKeys: '[function]', tenantKeys: MASKED } },
  });
});

it('shows no text that is not known to be harmless, and no address that hides a password', () => {
  expect(shown({ whatever: 'x', list: ['x'], deep: { other: 'x' } })).toEqual({
    whatever: MASKED,
    list: [MASKED],
    deep: { other: MASKED },
  });
  for (const url of [
    'no url',
    'redis://pass#word@host',
    'redis://pass?word@host',
    'redis://pass/word@host',
    'redis://:pass/word@host',
  ])
    expect(shown({ url })).toEqual({ url: MASKED });
});

const secret = fc.stringMatching(/^s3cr3t[0-9a-zA-Z]{12}$/);
/** What a secret may be wrapped in. */
const wrapped = (text: string) => [
  text,
  Buffer.from(text),
  [text],
  { value: text },
  createSecretKey(Buffer.from(text)),
  new Map([[text, text]]),
  () => text,
];
/** Of every option that bears one, by a path. */
const BEARERS = [
  'l2.username',
  'l2.password',
  'l2.credentials',
  'l2.tls.key',
  'l2.tls.cert',
  'l2.tls.ca',
  'l2.tls.pfx',
  'l2.tls.passphrase',
  'l2.tls.crl',
  'l2.tls.dhparam',
  'l2.tls.ticketKeys',
  'l2.tls.session',
  'l2.tls.key.pem',
  'l2.tls.anything',
  'l2.client',
  'l2.client.options.password',
  'l3.dataSource',
  'l3.dataSource.options.password',
  'l3.dataSource.options.url',
  'l3.password',
  'nameSecret',
  'security.encryption.masterKeys',
  'security.encryption.masterKeys.keys.m1',
  'security.encryption.tenantKeys',
  'security.hideKeys',
  'security.backplane.key',
  'security.audit.key',
  'security.resolve',
  'security.context',
  'security.audit.checkpoints',
  'placement',
  'warming.predictor',
];

function at(path: string, value: unknown): object {
  return path
    .split('.')
    .reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

it('never shows a secret, whichever option bears it and in whatever it is wrapped', () => {
  fc.assert(
    fc.property(secret, fc.constantFrom(...BEARERS), fc.nat({ max: 6 }), (text, path, how) => {
      const told = JSON.stringify(shown(at(path, wrapped(text)[how])));
      return (
        !told.includes(text) &&
        !told.includes(Buffer.from(text).toString('base64')) &&
        !told.includes(String([...Buffer.from(text)]))
      );
    }),
    { numRuns: 3_000 },
  );
});

it('never shows a secret of an address', () => {
  const part = fc.tuple(
    fc.constantFrom('redis', 'rediss', 'postgres', 'postgresql', 'http'),
    secret,
    fc.constantFrom(':', '', '/', '?', '#', '%'),
  );
  fc.assert(
    fc.property(part, ([scheme, text, sign]) => {
      const [a, b] = [text.slice(0, 9), text.slice(9)];
      const urls = [
        `${scheme}://user:${text}@host/db`,
        `${scheme}://${text}@host`,
        `${scheme}://:${a}${sign}${b}@host:1`,
        `${scheme}://${a}${sign}${b}@host`,
        `${scheme}://host/?password=${text}`,
        `${scheme}://host/${text}`,
        `${scheme}://host#${text}`,
      ];
      return urls.every((url) => {
        const told = JSON.stringify(shown({ l2: { url } }));
        return !told.includes(text) && !told.toLowerCase().includes(a.toLowerCase());
      });
    }),
  );
});
