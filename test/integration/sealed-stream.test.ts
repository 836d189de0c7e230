/** Sealed messages through a real Redis: everything works with them, and what is forged or told twice is refused, counted, and changes nothing. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redisAclRules } from '../../libs/multi-level-cache/src/index.js';
import { SYNC } from '../../libs/multi-level-cache/src/tiers/redis/scripts.js';
import { closeCaches } from '../support/cache.js';
import { Proxy } from '../support/proxy.js';
import { OPERATIONS } from '../support/redis-operations.js';
import { newSecret, sealedCache, type SealedCache } from '../support/sealed.js';
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
const SOON = { timeout: 1_000 };

let server: Server;
let redis: Redis;
let namespace: string;
let secret: ReturnType<typeof newSecret>;
const proxies: Proxy[] = [];
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => {
  [namespace, secret] = [freshNamespace(), newSecret()];
});
afterEach(async () => {
  await closeCaches();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

const make = (more: object = {}, key: typeof secret | undefined = secret): Promise<SealedCache> =>
  sealedCache({ namespace, redis: server.url, ...more }, key);
const record = (name: string): string => `${namespace}:{~}:${name}`;
const entries = async (): Promise<[id: string, fields: string[]][]> =>
  redis.xrange(record('st'), '-', '+');
const forge = (fields: readonly string[]): Promise<unknown> =>
  redis.xadd(record('st'), '*', ...fields);

/** All of these have these keys in memory. */
async function known(made: readonly SealedCache[], ...keys: readonly string[]): Promise<void> {
  for (const { cache } of made)
    for (const key of keys) {
      await cache.getOrSet(key, () => 'old', { tags: ['t'] });
      await cache.drain();
      expect(cache.peek(key)).toBe('old');
    }
}

/** `b` has heard what `a` has told until now. */
async function heardBy(b: SealedCache, a: SealedCache): Promise<void> {
  await known([b], 'bell');
  await a.cache.delete('bell');
  await expect.poll(() => b.cache.peek('bell'), SOON).toBeUndefined();
}

/** How often instances of this namespace ask Redis where it stands while this runs. */
async function syncsDuring(work: () => Promise<unknown>): Promise<number> {
  let syncs = 0;
  const monitor = await redis.duplicate().monitor();
  monitor.on('monitor', (_time: string, args: string[]) => {
    if (args.includes(SYNC.sha) && args.includes(record('sq'))) syncs++;
  });
  await work();
  monitor.disconnect();
  return syncs;
}

describe('with sealed messages', () => {
  it('everything an application does works', async () => {
    const more = { database: databaseUrl(), more: { warming: WARMING } };
    const [a, b, c] = [await make(more), await make(more), await make()];
    const cut = async (): Promise<void> => {
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    };
    for (const [name, run] of Object.entries(OPERATIONS))
      await run({ a, b, c, cut }).catch((error: unknown) =>
        expect.fail(`${name}: ${String(error)}`),
      );
    for (const made of [a, b, c])
      expect([made.refused, made.cache.stats().tiers.l2.corrupt]).toEqual([[], 0]);
    for (const [, fields] of await entries()) expect(fields[fields.indexOf('t') + 1]).toBe('z');
  }, 60_000);

  it('nothing is in the stream to be read', async () => {
    const [a, b] = [await make(), await make()];
    await known([a, b], 'patient:4711');
    await a.cache.delete('patient:4711');
    await a.cache.mutate({ keys: ['patient:4711'] }, () => Promise.resolve());
    await a.cache.invalidateTags(['diagnosis']);
    await heardBy(b, a);
    const all = JSON.stringify(await entries());
    expect(all).not.toMatch(/4711|diagnosis|bell/);
  });

  it('an instance that was away hears what was told meanwhile, and keeps the rest', async () => {
    const way = await Proxy.start(server.url);
    proxies.push(way);
    const [a, b] = [await make(), await make({ redis: way.url })];
    await heardBy(b, a);
    await known([a, b], 'k', 'kept');
    way.cut();
    await expect.poll(() => b.cache.stats().tiers.l2.state).toBe('down');
    const before = (await entries()).at(-1)![1];
    await a.cache.delete('k');
    await forge(before);
    await forge(['n', '1', 'e', '1', 's', 'x', 't', 'd', 'k', '[["p","default","kept"]]']);
    await a.cache.delete('another');
    way.mend();
    await expect.poll(() => b.cache.stats().tiers.l2.state, { timeout: 5_000 }).toBe('up');
    await expect.poll(() => b.cache.peek('k'), SOON).toBeUndefined();
    expect(b.cache.peek('kept')).toBe('old');
    expect(b.refused).toEqual(['message', 'message']);
    await heardBy(b, a);
    expect(b.cache.peek('kept')).toBe('old');
    // What it has heard of that time is not told twice either.
    await known([b], 'k');
    const all = await entries();
    for (const [, fields] of all) await forge(fields);
    await expect.poll(() => b.refused.length, SOON).toBe(2 + all.length);
    await heardBy(b, a);
    expect(b.cache.peek('k')).toBe('old');
  });
});

describe('what is not true', () => {
  let a: SealedCache;
  let b: SealedCache;
  /** Told by `a` before. */
  let told: string[][];
  let epoch: string;
  beforeEach(async () => {
    [a, b] = [await make(), await make()];
    await known([a, b], 'k');
    await a.cache.delete('k');
    await a.cache.invalidateTags(['t']);
    await a.cache.mutate({ keys: ['k'] }, () => Promise.resolve());
    await heardBy(b, a);
    told = (await entries()).map(([, fields]) => fields);
    epoch = (await redis.get(record('ep')))!;
    await known([a, b], 'k');
  });

  const next = async (more = 1): Promise<string> =>
    String(Number(await redis.get(record('sq'))) + more);
  const KEYS = '[["p","default","k"]]';
  const withNumber = (fields: readonly string[], number: string): string[] => [
    'n',
    number,
    ...fields.slice(2),
  ];

  /** Each refused by both, and nothing comes of it. */
  async function expectRefused(all: readonly (readonly string[])[]): Promise<void> {
    const [before, counted] = [
      [a, b].map(({ refused }) => refused.length),
      [a, b].map(({ cache }) => cache.stats().tiers.l2.corrupt),
    ];
    const syncs = await syncsDuring(async () => {
      for (const fields of all) await forge(fields);
      for (const [at, made] of [a, b].entries()) {
        await expect.poll(() => made.refused.length, SOON).toBe(before[at] + all.length);
        expect(made.cache.stats().tiers.l2.corrupt).toBe(counted[at] + all.length);
      }
      for (const { cache } of [a, b]) expect(cache.peek('k')).toBe('old');
      // What comes next follows all the same.
      await a.cache.delete('other');
      await heardBy(b, a);
      await heardBy(a, b);
    });
    expect(syncs).toBe(0);
    for (const { cache } of [a, b]) expect(cache.peek('k')).toBe('old');
    expect([a, b].map(({ refused }) => refused.length)).toEqual(before.map((n) => n + all.length));
  }

  it('is refused and counted where it is told in clear, whatever its number and epoch', async () => {
    const numbers = [await next(), await next(0), await next(7), '1', '-1', 'x'];
    const kinds = [
      ['d', KEYS],
      ['x', KEYS],
      ['t', '["p",["t"]]'],
      ['g', `["id",5000,${KEYS}]`],
      ['h', ''],
      ['z', 'AAAA'],
      ['?', ''],
    ];
    await expectRefused(
      numbers.flatMap((number) =>
        [epoch, '1'].flatMap((e) =>
          kinds.map(([t, k]) => ['n', number, 'e', e, 's', 'another', 't', t, 'k', k]),
        ),
      ),
    );
  });

  it('is refused and counted where it was told before, as it was or with another number', async () => {
    expect(told.length).toBeGreaterThanOrEqual(5);
    const number = await next();
    await expectRefused([...told, ...told.map((fields) => withNumber(fields, number)), ...told]);
  });

  it('is refused where a true one was changed', async () => {
    const last = [...told.at(-1)!];
    const at = (name: string): number => last.indexOf(name) + 1;
    const changed = (name: string, value: string): string[] =>
      withNumber(last, '1').with(at(name), value);
    const sealed = last[at('k')];
    await expectRefused([
      changed('e', '1'),
      changed('s', 'another'),
      changed('s', ''),
      changed('k', `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'Q' : 'A'}`),
      [...last, 'd', 'debt.0'],
    ]);
  });

  it('is refused where it is rubbish', () =>
    expectRefused([
      ['a', 'b'],
      ['n', 'NaN'],
    ]));

  it('is refused by an instance that was not there when it was told', async () => {
    const late = await make();
    await known([late], 'k');
    for (const fields of told) await forge(withNumber(fields, await next()));
    await expect.poll(() => late.refused.length, SOON).toBe(told.length);
    expect(late.cache.peek('k')).toBe('old');
    await heardBy(late, a);
    expect(late.cache.peek('k')).toBe('old');
  });

  it('is refused by an instance that came long after it was told', async () => {
    const all = await entries();
    const before = Number.parseInt(all[0][0], 10) - 60_000;
    await redis.del(record('st'));
    for (const [at, [, fields]] of all.entries())
      await redis.xadd(record('st'), `${before + at}-0`, ...fields);
    await a.cache.delete('other');
    const late = await make();
    await known([late], 'k');
    for (const fields of told) await forge(withNumber(fields, await next()));
    await expect.poll(() => late.refused.length, SOON).toBe(told.length);
    expect(late.cache.peek('k')).toBe('old');
  });

  it('is refused by an instance that cannot look it up any more', async () => {
    await redis.del(record('st'));
    await redis.incrby(record('sq'), 5_000);
    const late = await make();
    await known([late], 'k');
    const syncs = await syncsDuring(async () => {
      for (const fields of told) await forge(fields);
      await expect.poll(() => late.refused.length, SOON).toBeGreaterThanOrEqual(told.length);
    });
    // The others have missed numbers, each once.
    expect(syncs).toBeLessThanOrEqual(2);
    expect(late.cache.peek('k')).toBe('old');
  });

  it('is refused by an instance that has lost its place in the stream', async () => {
    await redis.incr(record('sq'));
    await a.cache.delete('other');
    await expect.poll(() => b.cache.peek('k'), SOON).toBeUndefined();
    await expect.poll(() => b.cache.stats().tiers.l2.state).toBe('up');
    await known([a, b], 'k');
    for (const fields of told) await forge(withNumber(fields, await next()));
    await expect.poll(() => b.refused.length, SOON).toBe(told.length);
    await heardBy(b, a);
    expect(b.cache.peek('k')).toBe('old');
  });
});

describe.each<[string, () => ReturnType<typeof newSecret> | undefined]>([
  ['another secret', newSecret],
  ['none', () => undefined],
])('an instance with %s', (_what, other) => {
  it('is not believed, and what it deletes is not served from memory for long', async () => {
    const [a, stranger] = [
      await make(),
      await sealedCache({ namespace, redis: server.url }, other()),
    ];
    for (let times = 0; times < 2; times++) {
      await expect.poll(() => a.cache.stats().tiers.l2.state).toBe('up');
      await a.cache.getOrSet('k', () => 'old');
      await stranger.cache.delete('k');
      await expect.poll(() => a.cache.peek('k'), { timeout: 2_500 }).toBeUndefined();
      expect(await a.cache.get('k')).toBeUndefined();
    }
    expect(a.refused.length).toBeGreaterThan(0);
    await expect.poll(() => stranger.cache.stats().tiers.l2.state).toBe('up');
    await stranger.cache.getOrSet('k', () => 'old');
    await a.cache.delete('k');
    await expect.poll(() => stranger.cache.peek('k'), { timeout: 2_500 }).toBeUndefined();
  });
});

it('a user with exactly the rules of the application is refused nothing', async () => {
  const version = /redis_version:(\S+)/.exec(await redis.info('server'))![1];
  const rules = redisAclRules({ namespace, version });
  await redis.call('ACL', 'SETUSER', 'app', 'on', '>secret', ...rules);
  await redis.call('ACL', 'LOG', 'RESET');
  const l2 = { host: '127.0.0.1', port: server.port, username: 'app', password: 'secret' };
  const [a, b] = [
    await sealedCache({ namespace, l2 }, secret),
    await sealedCache({ namespace, l2 }, secret),
  ];
  await known([a, b], 'k');
  await a.cache.delete('k');
  await heardBy(b, a);
  const late = await sealedCache({ namespace, l2 }, secret);
  await heardBy(late, a);
  expect(await redis.call('ACL', 'LOG')).toEqual([]);
});

it('two nodes of a cluster tell each other everything', async () => {
  const cluster = await startCluster();
  try {
    const options = { namespace, l2: { cluster: cluster.nodes } };
    const [a, b] = [await sealedCache(options, secret), await sealedCache(options, secret)];
    await known([a, b], 'k', 'l', 'm');
    await Promise.all(['k', 'l', 'm'].map((key) => a.cache.delete(key)));
    for (const key of ['k', 'l', 'm'])
      await expect.poll(() => b.cache.peek(key), SOON).toBeUndefined();
    await heardBy(b, a);
    expect([a.refused, b.refused]).toEqual([[], []]);
  } finally {
    await closeCaches();
    await cluster.stop();
  }
}, 30_000);
