/** Redis takes rights or the password away while the application runs. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { databaseUrl, freshNamespace } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, BUDGET, ownRedis, States } from '../setting.js';

endAfterEach();

interface Guarded {
  readonly admin: Redis;
  readonly made: TestCache;
  /** What the application's callback tells. */
  told: string;
}

const USER = 'app';

async function setUser(admin: Redis, ...rules: string[]): Promise<void> {
  await admin.call('ACL', 'SETUSER', USER, ...rules);
}

async function begin(): Promise<Guarded> {
  const server = await ownRedis();
  const admin = adminOf(server);
  await setUser(admin, 'on', '>first', '~*', '&*', '+@all');
  const credentials = (): { username: string; password: string } => ({
    username: USER,
    password: guarded.told,
  });
  const guarded = { admin, told: 'first' } as Guarded & { made: TestCache };
  guarded.made = await testCache({
    namespace: freshNamespace(),
    l2: { host: '127.0.0.1', port: server.port, credentials },
    database: databaseUrl(),
    budget: BUDGET,
    l1Ttl: 50,
  });
  return guarded;
}

row(
  19,
  {
    fault: 'password rotated at run time, connections ended',
    expected: 'says that authentication failed, once; comes back with the new one by itself',
  },
  async (figures) => {
    const guarded = await begin();
    const { admin, made } = guarded;
    const states = new States(made.cache);
    const load = new Load([made.cache], { writeEvery: 20 });
    await load.during(500);
    const rotated = performance.now();
    await setUser(admin, 'resetpass', '>second');
    await admin.call('CLIENT', 'KILL', 'USER', USER);
    const why = (): string | undefined => made.cache.stats().tiers.l2.reason;
    await expect.poll(why, { interval: 5 }).toBe('authentication failed');
    figures.ms('ms until it is said', performance.now() - rotated, 1_000);
    const away = await load.during(2_000);
    expect(why()).toBe('authentication failed');
    figures.count('told that it is away', states.told.length, 1);
    const told = performance.now();
    guarded.told = 'second';
    const back = (): number | undefined => states.since(told, true);
    await expect.poll(back, { interval: 1, timeout: 10_000 }).toBeDefined();
    figures.ms('ms to be used with the new one', back()! - told, 3_000);
    const after = await load.stop();
    figures.count('failed requests', away.errors.length + after.errors.length, 0);
    figures.count('wrong values', away.wrong + after.wrong, 0);
  },
);

const REVOKED = [
  { what: 'all keys', take: ['resetkeys'], give: ['~*'] },
  { what: 'scripts', take: ['-evalsha', '-eval'], give: ['+evalsha', '+eval'] },
  { what: 'reads', take: ['-get', '-mget'], give: ['+get', '+mget'] },
];
for (const { what, take, give } of REVOKED)
  row(
    19,
    {
      fault: `rights to ${what} revoked at run time`,
      expected: 'not up any more, the app is served; used again when they are given back',
    },
    async (figures) => {
      const { admin, made } = await begin();
      const { cache } = made;
      const states = new States(cache);
      const load = new Load([cache], { writeEvery: 20 });
      await load.during(500);
      const revoked = performance.now();
      await setUser(admin, ...take);
      const state = (): string => cache.stats().tiers.l2.state;
      await expect.poll(state, { interval: 1, timeout: 5_000 }).not.toBe('up');
      figures.ms('ms until it is said', performance.now() - revoked, 1_000);
      const away = await load.during(3_000);
      expect(state()).not.toBe('up');
      figures.count('told that it is up meanwhile', states.count('up'), 0);
      const given = performance.now();
      await setUser(admin, ...give);
      const taken = async (): Promise<string> => (await cache.delete('another')).l2;
      await expect.poll(taken, { timeout: 10_000 }).toBe('ok');
      await expect.poll(state, { timeout: 10_000 }).toBe('up');
      figures.ms('ms to be used again', performance.now() - given, 3_000);
      const after = await load.stop();
      figures.count('failed requests', away.errors.length + after.errors.length, 0);
      figures.count('wrong values', away.wrong + after.wrong, 0);
    },
  );
