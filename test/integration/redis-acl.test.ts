/** The rules that `redisAclRules` makes, on a real Redis: enough for everything, nothing too much, and nothing beyond them. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { redisAclRules, type RedisAclOptions } from '../../libs/multi-level-cache/src/index.js';
import {
  tierContract,
  type ContractSetup,
} from '../../libs/multi-level-cache/src/testing/tier-contract.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { OPERATIONS, type Stage } from '../support/redis-operations.js';
import {
  databaseUrl,
  freshNamespace,
  startCluster,
  startRedis,
  type Server,
} from '../support/servers.js';

const WARMING = {
  interval: 60_000,
  onBoot: false,
  keys: 100,
  budget: 10,
  share: 1,
  concurrency: 1,
} as const;

let server: Server;
let admin: Redis;
let version: string;
let users = 0;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  version = /redis_version:(\S+)/.exec(await admin.info('server'))![1];
});
afterEach(closeCaches);
afterAll(async () => {
  await admin.quit();
  await server.stop();
});

type Access = Partial<L2Options> & { readonly username: string };

/** A user with exactly these rules. */
async function userWith(rules: readonly string[]): Promise<Access> {
  const username = `app-${users++}`;
  await admin.call('ACL', 'SETUSER', username, 'on', '>secret', ...rules);
  await admin.call('ACL', 'LOG', 'RESET');
  return { host: '127.0.0.1', port: server.port, username, password: 'secret' };
}

function rulesOf(namespace: string, more: Partial<RedisAclOptions> = {}): readonly string[] {
  return redisAclRules({ namespace, version, ...more });
}

/** What the server has refused since the last user was made, by command or key. */
async function refused(): Promise<string[]> {
  const log = (await admin.call('ACL', 'LOG', '100')) as string[][];
  return [...new Set(log.map((entry) => entry[entry.indexOf('object') + 1]))];
}

function instance(namespace: string, l2: Access): Promise<TestCache> {
  return testCache({
    namespace,
    l2,
    database: databaseUrl(),
    mayBeDown: true,
    more: { warming: WARMING },
  });
}

describe('an application with exactly these rules', () => {
  let stage: Stage;
  let namespace: string;

  beforeAll(async () => {
    namespace = freshNamespace();
    const access = await userWith(rulesOf(namespace));
    const [a, b] = [await instance(namespace, access), await instance(namespace, access)];
    expect([a, b].map(({ cache }) => cache.stats().tiers.l2.state)).toEqual(['up', 'up']);
    const cut = async (): Promise<void> => {
      await admin.call('CLIENT', 'KILL', 'USER', access.username);
    };
    const c = await testCache({ namespace, l2: access });
    stage = { a, b, c, cut };
  });

  it('does everything, and is refused nothing', async () => {
    for (const [name, run] of Object.entries(OPERATIONS)) {
      await run(stage).catch((error: unknown) => expect.fail(`${name}: ${String(error)}`));
      expect([name, await refused()]).toEqual([name, []]);
    }
  }, 60_000);
});

describe('the contract of every tier', () => {
  async function setup(): Promise<ContractSetup> {
    const clock = new SystemClock();
    const namespace = freshNamespace();
    const l2 = await userWith(rulesOf(namespace));
    const tier = new RedisTier({ ...l2, budget: 1_000 }, { namespace, clock });
    await tier.open({ changed: () => undefined, lost: () => undefined, state: () => undefined });
    return { tier, clock, namespace, cleanup: () => tier.close() };
  }

  it.each(tierContract(setup))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
    expect(await refused()).toEqual([]);
  });
});

/** Not told by boot, for the cache works without it: told by the log of the server. */
const QUIET = ['info', 'client|setname', 'client|setinfo'];

describe('without', () => {
  const granted = redisAclRules({ namespace: 'x', version: '7.0.15' })
    .filter((rule) => rule.startsWith('+'))
    .map((rule) => rule.slice(1));

  it.each(granted)('%s it is missed by name', async (command) => {
    const namespace = freshNamespace();
    const rules = rulesOf(namespace).filter((rule) => rule !== `+${command}`);
    const access = await userWith(rules);
    await admin.call('SCRIPT', 'FLUSH');
    const { cache } = await instance(namespace, access);
    // Served from the rest in any case.
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
    expect(await refused()).toContain(command);
    if (QUIET.includes(command)) expect(cache.stats().tiers.l2.state).toBe('up');
    else
      expect(cache.stats().tiers.l2).toMatchObject({
        state: 'down',
        reason: expect.stringMatching(new RegExp(`command.*: ${command}$`)),
      });
  });

  it('the keys it is of no use', async () => {
    const namespace = freshNamespace();
    const rules = rulesOf(namespace).filter((rule) => !rule.startsWith('~'));
    const { cache } = await instance(namespace, await userWith(rules));
    expect(cache.stats().tiers.l2.state).toBe('down');
  });
});

describe('beyond them', () => {
  let user: Redis;
  let namespace: string;
  let foreign: string;

  beforeAll(async () => {
    namespace = freshNamespace();
    foreign = `${namespace}x:p:{0}:e:default:k`;
    const { username } = await userWith(rulesOf(namespace));
    user = new Redis(server.url.replace(/\/\/.*@/, `//${username}:secret@`));
    user.on('error', () => undefined);
    await admin.set(foreign, 'theirs');
    await admin.set(namespace, 'theirs');
  });
  afterAll(() => user.quit());

  const lua = (script: string, ...keys: string[]) => ['EVAL', script, String(keys.length), ...keys];
  it.each([
    ['a foreign entry', () => ['GET', foreign]],
    ['one beside an own one', () => ['MGET', `${namespace}:k`, foreign]],
    ['a key named like the namespace', () => ['GET', namespace]],
    ['writing a foreign one', () => ['SET', foreign, '1']],
    ['removing a foreign one', () => ['UNLINK', foreign]],
    ['a foreign stream', () => ['XADD', `${namespace}x:{~}:st`, '*', 'n', '1']],
    ['reading a foreign stream', () => ['XREAD', 'STREAMS', `${namespace}x:{~}:st`, '0']],
    ['a foreign key that a script names', () => lua("return redis.call('GET', KEYS[1])", foreign)],
    ['one that it does not name', () => lua(`return redis.call('GET', '${foreign}')`)],
    ['one that it removes', () => lua(`return redis.call('DEL', '${foreign}')`)],
    ['FLUSHALL in a script', () => lua("return redis.call('FLUSHALL')")],
    ['CONFIG in a script', () => lua("return redis.call('CONFIG', 'GET', '*')")],
    ['KEYS in a script', () => lua("return redis.call('KEYS', '*')")],
    ['KEYS', () => ['KEYS', '*']],
    ['SCAN', () => ['SCAN', '0']],
    ['RANDOMKEY', () => ['RANDOMKEY']],
    ['FLUSHALL', () => ['FLUSHALL']],
    ['FLUSHDB', () => ['FLUSHDB']],
    ['CONFIG', () => ['CONFIG', 'GET', 'requirepass']],
    ['ACL', () => ['ACL', 'LIST']],
    ['more rights', () => ['ACL', 'SETUSER', 'default', 'on', 'nopass', '+@all', '~*']],
    ['another database', () => ['SELECT', '1']],
    ['a channel', () => ['SUBSCRIBE', 'news']],
    ['telling a channel', () => ['PUBLISH', 'news', '1']],
    ['other clients', () => ['CLIENT', 'LIST']],
    ['ending them', () => ['CLIENT', 'KILL', 'TYPE', 'normal']],
    ['looking on', () => ['MONITOR']],
    ['SHUTDOWN', () => ['SHUTDOWN', 'NOSAVE']],
    ['scripts of others', () => ['SCRIPT', 'FLUSH']],
    ['RENAME', () => ['RENAME', `${namespace}:k`, `${namespace}:l`]],
    ['another master', () => ['REPLICAOF', '127.0.0.1', '1']],
  ])('%s is out of reach', async (_what, command) => {
    const [name, ...args] = command();
    await expect(user.call(name, ...args)).rejects.toThrow(
      /NOPERM|can't (?:access|run)|not allowed from script/,
    );
    expect(await admin.mget(foreign, namespace)).toEqual(['theirs', 'theirs']);
  });
});

it('channels are closed also to one who may speak', async () => {
  const namespace = freshNamespace();
  const { username } = await userWith([...rulesOf(namespace), '+publish']);
  const dry = (await admin.call('ACL', 'DRYRUN', username, 'PUBLISH', 'news', '1')) as string;
  expect(dry).toContain("'news' channel");
});

describe('a user of one tenant', () => {
  it('works for that tenant, and reaches no other and nothing public', async () => {
    const namespace = freshNamespace();
    const access = await userWith(rulesOf(namespace, { tenant: 'a:b' }));
    const made = await testCache({ namespace, l2: access, l1: false });
    const all = await testCache({ namespace, redis: server.url, l1: false });
    const as = <T>(tenantId: string, { cache }: TestCache, work: () => Promise<T>): Promise<T> =>
      cache.runAs({ tenantId }, work);
    for (const tenant of ['a:b', 'a', 'a:b:c', 'p'])
      await as(tenant, all, () => all.cache.getOrSet('k', () => tenant));
    await all.cache.getOrSet('k', () => 'public');
    const { cache } = made;
    expect(await as('a:b', made, () => cache.get('k'))).toBe('a:b');
    expect((await as('a:b', made, () => cache.invalidateTags(['t']))).l2).toBe('ok');
    expect(await as('a:b', made, () => cache.mutate({ keys: ['k'] }, () => 'done'))).toBe('done');
    expect((await as('a:b', made, () => cache.delete('k'))).l2).toBe('ok');
    expect(await refused()).toEqual([]);
    for (const tenant of ['a', 'a:b:c', 'p'])
      expect(await as(tenant, made, () => cache.get('k'))).toBeUndefined();
    expect(await cache.get('k')).toBeUndefined();
    expect((await refused()).length).toBeGreaterThan(0);
    expect(await as('a', all, () => all.cache.get('k'))).toBe('a');
    for (const tenant of ['t:a', 't:a:b:c', 't:p', 'p']) {
      const { entryKey } = new Address(new Scope(namespace, tenant, 'default'), 'k');
      const dry = await admin.call('ACL', 'DRYRUN', access.username, 'GET', entryKey);
      expect([tenant, dry]).toEqual([tenant, expect.stringContaining('no permissions')]);
    }
  });

  it('beats for all, without naming tags of anybody', async () => {
    const namespace = freshNamespace();
    await testCache({ namespace, l2: await userWith(rulesOf(namespace, { tenant: 'a' })) });
    const beats = (): Promise<unknown> => admin.xlen(`${namespace}:{~}:st`);
    await expect.poll(beats, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(await refused()).toEqual([]);
  });
});

/**
 * What the nodes of a cluster refuse to a client that connects. Which nodes it asks for the slots
 * is by chance, and READONLY goes to replicas alone: it connects until one was asked.
 */
async function refusedBy(nodes: Redis[], connect: () => Promise<unknown>): Promise<unknown[]> {
  const logs: unknown[] = [];
  for (let tries = 0; tries < 50 && logs.length === 0; tries++) {
    await connect();
    for (const node of nodes) logs.push(...((await node.call('ACL', 'LOG')) as unknown[]));
    await closeCaches();
  }
  return logs.flat(2);
}

it('a cluster needs what its option says, and no more', async () => {
  const { nodes, stop } = await startCluster();
  const masters = nodes.map(({ host, port }) => new Redis({ host, port }));
  try {
    const namespace = freshNamespace();
    const rules = rulesOf(namespace, { features: ['cluster'] });
    for (const node of masters) await node.call('ACL', 'SETUSER', 'app', 'on', '>secret', ...rules);
    const l2 = { cluster: nodes, username: 'app', password: 'secret' };
    const made = await testCache({ namespace, l2 });
    for (let at = 0; at < 50; at++) await made.cache.getOrSet(`k${at}`, () => at);
    expect(
      (
        await made.cache.getMany(
          Array.from({ length: 50 }, (_zero, at) => `k${at}`),
          { tiers: ['l2'] },
        )
      ).size,
    ).toBe(50);
    expect((await made.cache.invalidateTags(['t'])).l2).toBe('ok');
    for (const node of masters) expect(await node.call('ACL', 'LOG')).toEqual([]);
    await closeCaches();
    for (const command of rules.filter((rule) => /cluster|readonly/.test(rule))) {
      for (const node of masters) {
        await node.call('ACL', 'SETUSER', 'app', command.replace('+', '-'));
        await node.call('ACL', 'LOG', 'RESET');
      }
      expect([
        command,
        await refusedBy(masters, () => testCache({ namespace, l2, mayBeDown: true })),
      ]).toEqual([command, expect.arrayContaining([command.slice(1)])]);
      for (const node of masters) await node.call('ACL', 'SETUSER', 'app', command);
    }
  } finally {
    for (const node of masters) node.disconnect();
    await stop();
  }
}, 60_000);

it('another database needs one command more', async () => {
  const namespace = freshNamespace();
  const access = await userWith(rulesOf(namespace, { features: ['db'] }));
  const made = await testCache({ namespace, l2: { ...access, db: 2 } });
  await made.cache.getOrSet('k', () => 'v');
  expect(await refused()).toEqual([]);
  const without = await userWith(rulesOf(namespace));
  await testCache({ namespace, l2: { ...without, db: 2 }, mayBeDown: true });
  expect(await refused()).toContain('select');
});

it.each([
  ['6.0.16', /version must be 6.2 or later/],
  ['seven', /version must be/],
  ['', /version must be/],
])('a server of version %s is refused', (given, message) => {
  expect(() => redisAclRules({ namespace: 'shop', version: given })).toThrow(message);
});

it('wrong names are refused', () => {
  const of = (more: object) => () => redisAclRules({ namespace: 'shop', version: '7.2', ...more });
  expect(of({ namespace: 'shop:*' })).toThrow(/^CACHE_OPTION_INVALID: namespace/);
  expect(of({ tenant: '' })).toThrow(/^CACHE_OPTION_INVALID: tenant/);
  expect(of({ tenant: 'a b' })).toThrow(/^CACHE_OPTION_INVALID: tenant/);
  expect(of({ tenant: 'a\\*' })).toThrow(/^CACHE_OPTION_INVALID: tenant/);
  expect(of({ features: ['toString'] })).toThrow(/^CACHE_OPTION_INVALID: features/);
  expect(of({ tenant: '*' })()).toContain('~shop:t%3a%2a:*');
  expect(of({})()).toContain('+client|setinfo');
  expect(of({ version: '7.0.15' })()).not.toContain('+client|setinfo');
});
