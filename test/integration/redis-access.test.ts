/** Ways to a Redis and what can be wrong with them: each fault is named at boot, and the application serves from the rest. */
import { Redis, Cluster, type RedisOptions } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import {
  databaseUrl,
  freshNamespace,
  redisUrl,
  startCluster,
  startRedis,
  startTlsRedis,
} from '../support/servers.js';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await closeCaches();
  await Promise.all(ends.splice(0).map((end) => end()));
});

function open(l2: Partial<L2Options>): Promise<TestCache> {
  const namespace = freshNamespace();
  return testCache({ namespace, l2, database: databaseUrl(), mayBeDown: true });
}

async function expectServing({ cache }: TestCache): Promise<void> {
  expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  await cache.drain();
  expect(await cache.get('k')).toBe('v');
}

async function expectUsed(made: TestCache): Promise<void> {
  await expectServing(made);
  expect(made.cache.stats().tiers.l2).toMatchObject({ state: 'up', writes: 1 });
}

describe('the application’s own client', () => {
  it('lends its settings, and is neither used nor closed', async () => {
    const client = new Redis(redisUrl(), { keyPrefix: 'mine:' });
    ends.push(() => client.quit());
    const made = await open({ client });
    await expectUsed(made);
    await closeCaches();
    expect(await client.ping()).toBe('PONG');
  });

  it('is connected anew where a client of ours has given up for good', async () => {
    const ours: Redis[] = [];
    class Observed extends Redis {
      override duplicate(settings?: RedisOptions): Redis {
        const made = super.duplicate(settings);
        ours.push(made);
        return made;
      }
    }
    const client = new Observed(redisUrl());
    ends.push(() => client.quit());
    const made = await open({ client });
    await expectUsed(made);
    // As when Sentinel is asked just as the connection is closed: the client is at its end and does not try again.
    for (const one of ours) one.disconnect();
    const state = (): string => made.cache.stats().tiers.l2.state;
    await expect.poll(state).toBe('down');
    await expect.poll(state).toBe('up');
    expect((await made.cache.delete('k')).l2).toBe('ok');
  });

  it('may be a cluster', async () => {
    const { nodes, stop } = await startCluster();
    const client = new Cluster([...nodes]);
    ends.push(() => client.quit().then(stop));
    await expectUsed(await open({ client }));
  });
});

it('asks every master of a cluster from the first moment on', async () => {
  const { nodes, stop } = await startCluster();
  const l2 = { cluster: nodes, budget: 1_000 };
  const namespace = freshNamespace();
  const tier = new RedisTier(l2, { namespace, clock: new SystemClock() });
  ends.push(() => tier.close().then(stop));
  await tier.open({ changed: () => undefined, lost: () => undefined, state: () => undefined });
  const reads = [];
  for (let key = 0; key < 30; key++) {
    reads.push(tier.read(new Address(new Scope(namespace, 'p', 'default'), `k${key}`), true));
    // The next one is asked before any reply, in a call of its own.
    await Promise.resolve();
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }
  expect(await Promise.all(reads)).toEqual(reads.map(() => ({ state: 'absent' })));
});

describe('TLS', () => {
  it('is spoken with a trusted authority, and refused by name without one', async () => {
    const { ca, server } = await startTlsRedis();
    ends.push(() => server.stop());
    await expectUsed(await open({ url: server.url, tls: { ca } }));
    const distrusting = await open({ url: server.url });
    await expectServing(distrusting);
    expect(distrusting.cache.stats().tiers.l2).toMatchObject({
      state: 'down',
      reason: expect.stringMatching(/^refusing TLS, or not trusted \(\w*SIGNED_CERT\w*\)$/),
    });
    const plain = await open({ url: server.url.replace('rediss:', 'redis:') });
    await expectServing(plain);
    expect(plain.cache.stats().tiers.l2.state).toBe('down');
  });
});

it('closing in the middle of a TLS handshake harms nobody', async () => {
  const { server } = await startTlsRedis();
  ends.push(() => server.stop());
  const uncaught: unknown[] = [];
  const note = (error: unknown): number => uncaught.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
  try {
    const deaf = { changed: () => undefined, lost: () => undefined, state: () => undefined };
    for (let round = 0; round < 40; round++) {
      // It does not trust the server, and so shakes hands again and again.
      const l2 = { url: server.url, budget: 20 };
      const tier = new RedisTier(l2, { namespace: freshNamespace(), clock: new SystemClock() });
      const opening = tier.open(deaf);
      await new Promise((resolve) => setTimeout(resolve, 10 + round));
      await tier.close();
      await opening;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    process.off('uncaughtException', note);
    for (const other of others) process.on('uncaughtException', other);
  }
  expect(uncaught).toEqual([]);
});

describe('access', () => {
  async function withUser(rules: string): Promise<Partial<L2Options>> {
    const server = await startRedis();
    ends.push(() => server.stop());
    const admin = new Redis(server.url);
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', ...rules.split(' '));
    await admin.quit();
    return { host: '127.0.0.1', port: server.port, username: 'app', password: 'secret' };
  }

  const NEEDED =
    '~* &* -@all +@connection +info +get +mget +getrange +set +setrange +exists +incr +pexpire +del +unlink ' +
    '+hsetnx +hset +hmget +hlen +hgetall +hscan +hdel +xadd +xread +xrevrange +time +eval +evalsha';

  it('is enough with the commands the README names', async () => {
    await expectUsed(await open(await withUser(NEEDED)));
  });

  it.each(['xadd', 'unlink', 'xread', 'mget'])('without %s says so by name', async (command) => {
    const made = await open(await withUser(NEEDED.replace(` +${command}`, '')));
    await expectServing(made);
    expect(made.cache.stats().tiers.l2).toMatchObject({
      state: 'down',
      reason: `refusing required commands: ${command}`,
    });
  });

  it('without the scripts says so', async () => {
    const made = await open(await withUser(NEEDED.replace(' +eval +evalsha', '')));
    await expectServing(made);
    expect(made.cache.stats().tiers.l2.reason).toBe('refusing a required command: evalsha');
  });

  it('with a wrong password says so', async () => {
    const made = await open({ ...(await withUser(NEEDED)), password: 'wrong' });
    await expectServing(made);
    expect(made.cache.stats().tiers.l2.reason).toBe('authentication failed');
  });

  it('asks for credentials again after a lost connection', async () => {
    const server = await startRedis();
    ends.push(() => server.stop());
    const admin = new Redis(server.url);
    ends.push(() => admin.quit());
    const rotate = async (password: string): Promise<void> => {
      await admin.call(
        'ACL',
        'SETUSER',
        'app',
        'on',
        'resetpass',
        `>${password}`,
        ...NEEDED.split(' '),
      );
      now = password;
    };
    let now = '';
    await rotate('first');
    const credentials = (): Promise<{ username: string; password: string }> =>
      Promise.resolve({ username: 'app', password: now });
    const made = await open({ host: '127.0.0.1', port: server.port, credentials });
    await expectUsed(made);
    await rotate('second');
    await admin.call('CLIENT', 'KILL', 'USER', 'app');
    await expect
      .poll(async () => (await made.cache.delete('k')).l2, { timeout: 10_000 })
      .toBe('ok');
  });
});

describe('failover', () => {
  it.each(['warm', 'cold'] as const)(
    '%s: what another replication history left',
    async (failover) => {
      const server = await startRedis();
      ends.push(() => server.stop());
      const namespace = freshNamespace();
      const make = (): Promise<TestCache> =>
        testCache({ namespace, l2: { url: server.url, failover }, mayBeDown: true });
      const made = await make();
      await made.cache.getOrSet('k', () => 'v');
      const admin = new Redis(server.url);
      ends.push(() => admin.quit());
      // A server that becomes a replica and a master again has another history, as after a failover.
      await admin.call('REPLICAOF', '127.0.0.1', '1');
      await admin.call('REPLICAOF', 'NO', 'ONE');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await expect
        .poll(async () => (await (await make()).cache.explain('k')).tiers.l2?.state, {
          timeout: 10_000,
        })
        .toBe(failover === 'warm' ? 'fresh' : 'invalid');
    },
  );
});
