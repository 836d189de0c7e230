/** A store that answers and refuses: what it still does is used, what it refuses is told, and it is used again when it is mended. */
import { expect, it, vi } from 'vitest';
import { storeAll, testCache } from '../support/cache.js';
import { endAfterEach, kept } from '../support/ends.js';
import { freshNamespace, startPostgres, startRedis } from '../support/servers.js';
import { adminOf } from './matrix/setting.js';
import { connection } from './matrix/stage.js';

/** As many calls as it may take. */
const MOST = 10;
const KEYS = Array.from({ length: 60 }, (_zero, at) => `k${at}`);

endAfterEach();

it('PostgreSQL turns read-only: it is read, not filled; a delete is owed, and paid when it takes writes again', async () => {
  const server = await kept(startPostgres());
  const client = await connection(server);
  const options = { namespace: freshNamespace(), database: server.url, l1: false };
  const made = await testCache(options);
  await storeAll(made, KEYS, 'stored');
  const setReadOnly = async (on: boolean): Promise<void> => {
    await client.query(`alter system set default_transaction_read_only = ${on}`);
    await client.query('select pg_reload_conf()');
    await expect
      .poll(async () => (await client.query('show default_transaction_read_only')).rows[0])
      .toEqual({ default_transaction_read_only: on ? 'on' : 'off' });
  };
  await setReadOnly(true);
  const load = async (key: string): Promise<void> => {
    expect(await made.cache.getOrSet(key, () => 'loaded')).toBe('loaded');
    await made.cache.drain();
  };
  // The server tells its sessions one by one.
  let tries = 0;
  await expect
    .poll(async () => load(`first:${tries++}`).then(() => made.cache.stats().tiers.l3.state))
    .toBe('degraded');
  const filled = vi.spyOn(made.l3!, 'fill');
  for (const key of KEYS) await load(`new:${key}`);
  expect(filled.mock.calls.length).toBeLessThanOrEqual(MOST);
  expect(await made.cache.get('k1')).toBe('stored');
  expect(made.cache.stats().tiers.l3).toMatchObject({
    state: 'degraded',
    reason: 'not filled: it takes no writes (read-only)',
  });
  expect((await made.cache.delete('k1')).l3).toBe('queued');
  expect(await made.cache.get('k1')).toBeUndefined();
  expect(await made.cache.get('k2')).toBe('stored');
  // A process that boots meanwhile finds nothing to migrate.
  const late = await testCache(options);
  expect(await late.cache.get('k2')).toBe('stored');
  await setReadOnly(false);
  await expect.poll(async () => late.cache.get('k1'), { timeout: 5_000 }).toBeUndefined();
  await expect
    .poll(async () => (await made.cache.delete('another')).l3, { timeout: 5_000 })
    .toBe('ok');
  expect(await made.cache.get('k1')).toBeUndefined();
});

it.each([
  { lost: 'reads', commands: ['-get', '-mget'], reason: /^refusing a required command: get/ },
  { lost: 'scripts', commands: ['-evalsha'], reason: /^not filled: refusing a required command/ },
])(
  'Redis refuses $lost at run time: told as a matter of permissions; given back: used again',
  async ({ commands, reason }) => {
    const server = await kept(startRedis());
    const root = adminOf(server);
    await root.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const url = new URL(server.url);
    url.username = 'app';
    url.password = 'secret';
    const made = await testCache({ namespace: freshNamespace(), l1: false, redis: url.href });
    await storeAll(made, KEYS, 'stored');
    const told: unknown[] = [];
    made.cache.on('tier', (event) => told.push(event));
    await root.call('ACL', 'SETUSER', 'app', ...commands);
    for (const key of KEYS)
      expect(await made.cache.getOrSet(`new:${key}`, () => 'loaded')).toBe('loaded');
    const status = made.cache.stats().tiers.l2;
    expect(status).toMatchObject({ config: true });
    expect(status.state).not.toBe('up');
    expect(status.reason).toMatch(reason);
    expect(JSON.stringify(told)).not.toContain('secret');
    // No storm of changes: it went bad once.
    expect(told.length).toBeLessThanOrEqual(2);
    await root.call('ACL', 'SETUSER', 'app', '+@all');
    let tries = 0;
    const stored = async (): Promise<unknown> => {
      const key = `later:${tries++}`;
      await made.cache.getOrSet(key, () => 'loaded');
      return made.cache.get(key);
    };
    await expect.poll(stored, { timeout: 5_000 }).toBe('loaded');
    expect(made.cache.stats().tiers.l2).toMatchObject({ state: 'up' });
  },
);
