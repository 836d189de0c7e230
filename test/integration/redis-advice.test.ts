/** What is advised about real Redis servers: each advice where a server is set that way, none where it is set right, and none of it in the way. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { redisAclRules } from '../../libs/multi-level-cache/src/index.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { testCache } from '../support/cache.js';
import { atEnd, endAfterEach, kept } from '../support/ends.js';
import {
  freshNamespace,
  startCluster,
  startRedis,
  startSentinel,
  type Server,
} from '../support/servers.js';

endAfterEach();

const RIGHT = { maxmemory: '100mb', 'maxmemory-policy': 'volatile-lfu', appendonly: 'no' };
const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

let server: Server;
let admin: Redis;
let rules: (namespace: string) => readonly string[];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  const version = /redis_version:(\S+)/.exec(await admin.info('server'))![1];
  rules = (namespace) => redisAclRules({ namespace, version });
});
afterAll(async () => {
  await admin.quit();
  await server.stop();
});

async function set(settings: Readonly<Record<string, string>>, on = admin): Promise<void> {
  for (const [name, value] of Object.entries({ ...RIGHT, ...settings }))
    await on.config('SET', name, value);
}

function adminOf(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => undefined);
  atEnd(() => client.disconnect());
  return client;
}

/** A user that has exactly what the cache needs, or these changes of it. */
async function access(...changes: string[]): Promise<L2Options & { readonly namespace: string }> {
  const namespace = freshNamespace();
  const own = ['resetkeys', ...rules(namespace), ...changes];
  await admin.call('ACL', 'SETUSER', namespace, 'reset', 'on', '>secret', ...own);
  await admin.call('ACL', 'LOG', 'RESET');
  const { port } = server;
  return { host: '127.0.0.1', port, username: namespace, password: 'secret', namespace, budget: 1 };
}

async function tierOf(options: L2Options, namespace = freshNamespace()): Promise<RedisTier> {
  const tier = new RedisTier(options, { namespace, clock: new SystemClock() });
  atEnd(() => tier.close());
  await tier.open(DEAF);
  expect(tier.status().state).toBe('up');
  return tier;
}

async function codes(options: L2Options, namespace?: string, secrets = false): Promise<string[]> {
  const tier = await tierOf(options, namespace);
  const advice = await tier.advise({ secrets });
  expect(tier.status().state).toBe('up');
  return advice.map(({ code }) => code);
}

describe('a server', () => {
  it.each<[Record<string, string>, boolean, string[]]>([
    [{}, true, []],
    [{ maxmemory: '0' }, true, ['redis-unbounded']],
    [{ maxmemory: '0', 'maxmemory-policy': 'noeviction' }, true, ['redis-unbounded']],
    [{ 'maxmemory-policy': 'noeviction' }, true, ['redis-refuses-when-full']],
    [{ 'maxmemory-policy': 'allkeys-random' }, false, ['redis-evicts-numbers']],
    [{ 'maxmemory-policy': 'volatile-ttl' }, true, ['redis-evicts-leases']],
    [{ 'maxmemory-policy': 'volatile-lru' }, true, []],
    [{ 'maxmemory-policy': 'volatile-random' }, true, []],
    [{ 'maxmemory-policy': 'allkeys-lfu' }, false, []],
    [{ 'maxmemory-policy': 'allkeys-lru' }, false, []],
    [{ 'maxmemory-policy': 'allkeys-lfu' }, true, ['redis-evicts-secrets']],
  ])('with %j, secrets in it: %j → %j', async (settings, secrets, advice) => {
    await set(settings);
    const { namespace, ...l2 } = await access();
    expect(await codes(l2, namespace, secrets)).toEqual(advice);
    // Also a user that may do nothing beyond what the cache needs is asked for nothing else.
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
  });

  it('used by its default user is told apart from one of ours', async () => {
    await set({});
    expect(await codes({ url: server.url, budget: 1 })).toEqual(['redis-default-user']);
    const { password, port } = new URL(server.url);
    const unnamed = { host: '127.0.0.1', port: Number(port), password, budget: 1 };
    expect(await codes(unnamed)).toEqual(['redis-default-user']);
  });

  it('whose default user may do no more than the cache needs is right', async () => {
    const own = await kept(startRedis());
    const client = adminOf(own.url);
    await set({}, client);
    await client.call('ACL', 'SETUSER', 'root', 'on', '>root', '~*', '+@all');
    const namespace = freshNamespace();
    await client.call('ACL', 'SETUSER', 'default', ...rules(namespace));
    expect(await codes({ url: own.url, budget: 1 }, namespace)).toEqual([]);
  });

  it('that refuses to say anything gives no advice and no failure', async () => {
    await set({ maxmemory: '0' });
    const { namespace, ...l2 } = await access('-info');
    expect(await codes(l2, namespace, true)).toEqual([]);
  });

  it('that knows no users says the rest', async () => {
    const args = ['--rename-command', 'ACL', '', '--maxmemory', '0'];
    const own = await kept(startRedis({ args }));
    expect(await codes({ url: own.url, budget: 1 })).toEqual(['redis-unbounded']);
  });
});

describe('snapshots', () => {
  async function saving(...args: string[]): Promise<{ own: Server; client: Redis }> {
    const sized = ['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-lfu', ...args];
    const own = await kept(startRedis({ args: sized }));
    const client = adminOf(own.url);
    await client.save();
    return { own, client };
  }

  it('without an append-only file are told of', async () => {
    const { own } = await saving();
    const advice = await codes({ url: own.url, budget: 1 });
    expect(advice).toEqual(['redis-default-user', 'redis-snapshots']);
  });

  it('with one are right', async () => {
    const { own } = await saving('--appendonly', 'yes');
    expect(await codes({ url: own.url, budget: 1 })).toEqual(['redis-default-user']);
  });

  it('bring back what was deleted, where nobody is left who knows better', async () => {
    const { own, client } = await saving();
    const namespace = freshNamespace();
    const before = await testCache({ namespace, redis: own.url });
    await before.cache.getOrSet('k', () => 'old');
    await client.save();
    expect(await before.cache.delete('k')).toMatchObject({ l2: 'ok', durable: true });
    await before.close();
    await own.kill();
    await own.restart();
    const after = await testCache({ namespace, redis: own.url });
    expect(await after.cache.getOrSet('k', () => 'new')).toBe('old');
  });
});

it('what is full and evicts nothing refuses deletions too', async () => {
  const own = await kept(startRedis({ args: ['--maxmemory-policy', 'noeviction'] }));
  const { cache } = await testCache({ namespace: freshNamespace(), redis: own.url });
  await cache.getOrSet('k', () => 'v');
  await adminOf(own.url).config('SET', 'maxmemory', '1mb');
  expect(await cache.delete('k')).toMatchObject({ l2: 'queued', durable: false });
});

it('every master of a cluster is asked, and each thing said once', async () => {
  const cluster = await kept(
    startCluster({ maxmemory: '100mb', 'maxmemory-policy': 'volatile-lfu' }),
  );
  const l2 = { cluster: cluster.nodes, budget: 1 };
  // Its replicas need not be counted: what is cut off stops by itself.
  expect(await codes(l2)).toEqual(['redis-default-user']);
  const masters = await cluster.masters();
  for (const one of masters) {
    const client = adminOf(one.url);
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    expect(await codes(l2)).toEqual(['redis-default-user', 'redis-refuses-when-full']);
    if (one !== masters.at(-1)) await client.config('SET', 'maxmemory-policy', 'volatile-lfu');
  }
}, 60_000);

it('the master that Sentinel names is asked whether it counts its replicas', async () => {
  const { name, sentinels, primary } = await kept(startSentinel());
  const client = adminOf((await primary()).url);
  await set({}, client);
  const l2 = { sentinels, name, budget: 1 };
  const missing = 'redis-replicas-not-awaited';
  expect(await codes(l2)).toContain(missing);
  expect(await codes({ ...l2, failover: 'cold' })).not.toContain(missing);
  await client.config('SET', 'min-replicas-to-write', '1');
  await client.config('SET', 'min-replicas-max-lag', '10');
  expect(await codes(l2)).not.toContain(missing);
}, 60_000);
