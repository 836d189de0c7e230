/** L2 by itself: what Redis loses, forgets or is told by others never becomes valid again. */
import { randomBytes } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { createEntry, type Entry } from '../../libs/multi-level-cache/src/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import type {
  RemoteChange,
  Ticket,
  TierListener,
  TierRead,
} from '../../libs/multi-level-cache/src/core/tier.js';
import { Commands } from '../../libs/multi-level-cache/src/tiers/redis/commands.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { Proxy } from '../support/proxy.js';
import { freshNamespace, startRedis, type Server } from '../support/servers.js';

const clock = new SystemClock();
let server: Server;
let client: Redis;
let namespace: string;
const open: RedisTier[] = [];

interface Made {
  readonly tier: RedisTier;
  readonly heard: RemoteChange[];
  losses: number;
}

async function make(url = server.url): Promise<Made> {
  const tier = new RedisTier({ url, budget: 20 }, { namespace, clock });
  open.push(tier);
  const made: Made = { tier, heard: [], losses: 0 };
  const listener: TierListener = {
    changed: (change) => made.heard.push(change),
    lost: () => made.losses++,
    state: () => undefined,
  };
  await tier.open(listener);
  expect(tier.status().state).toBe('up');
  return made;
}

beforeEach(async () => {
  server = await startRedis();
  client = new Redis(server.url);
  client.on('error', () => undefined);
  namespace = freshNamespace();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((tier) => tier.close()));
  client.disconnect();
  await server.stop();
});

function at(key: string): Address {
  return new Address(new Scope(namespace, 'p', 'default'), key);
}

function entry(value: unknown, tags: string[] = []): Entry {
  return createEntry(value, { ttl: 60_000, grace: 0, tags }, clock.now(), 0, true);
}

async function ticket(tier: RedisTier, address: Address): Promise<Ticket> {
  const reply = await tier.ticket(address, await tier.read(address));
  if (reply.kind !== 'granted') throw new Error(reply.kind);
  return reply.ticket;
}

async function store(
  tier: RedisTier,
  address: Address,
  value: unknown,
  tags: string[] = [],
): Promise<void> {
  expect(await tier.fill(address, entry(value, tags), await ticket(tier, address))).toBe(true);
}

describe('leases', () => {
  it('are held by one at a time, prolonged by their holder only, and free when given back', async () => {
    const [{ tier: a }, { tier: b }] = [await make(), await make()];
    const held = await ticket(a, at('k'));
    expect((await b.ticket(at('k'), { state: 'absent' })).kind).toBe('busy');
    expect(await a.renew(at('k'), held)).toBe(true);
    expect(await b.renew(at('k'), { ...held, token: 'another' } as Ticket)).toBe(false);
    await b.release(at('k'), { ...held, token: 'another' } as Ticket);
    expect((await b.ticket(at('k'), { state: 'absent' })).kind).toBe('busy');
    await a.release(at('k'), held);
    expect((await b.ticket(at('k'), { state: 'absent' })).kind).toBe('granted');
  });

  it('hand over what somebody stored meanwhile, and not what the caller has just rejected', async () => {
    const [{ tier: a }, { tier: b }] = [await make(), await make()];
    const nothing = await b.read(at('k'));
    await store(a, at('k'), 'v');
    const found = await b.ticket(at('k'), nothing);
    expect(found).toMatchObject({ kind: 'found', read: { state: 'fresh', entry: { value: 'v' } } });
    expect((await b.ticket(at('k'), await b.read(at('k')))).kind).toBe('granted');
  });

  it('that expired fill nothing', async () => {
    const { tier } = await make();
    const address = at('k');
    const held = await ticket(tier, address);
    await client.del(address.scope.redisKey('l', address));
    expect(await tier.fill(address, entry('late'), held)).toBe(false);
    expect((await tier.read(address)).state).toBe('absent');
  });
});

describe('many keys of one call', () => {
  const readAll = async (
    tier: RedisTier,
    addresses: readonly Address[],
  ): Promise<readonly TierRead[]> => {
    const reads: TierRead[] = [];
    await tier.readMany(addresses, (some, from) => reads.splice(from, some.length, ...some));
    return reads;
  };
  let keys: readonly Address[];
  beforeEach(() => (keys = Array.from({ length: 1_001 }, (_zero, n) => at(`k${n}`))));

  it('two such calls are under way at a time, of a thousand keys at most; what is more is to gather', async () => {
    const { tier } = await make();
    const ends = ['first', 'last'].map((value, n) => store(tier, keys[n * 999], value));
    await Promise.all(ends);
    const [some, many] = [keys.slice(0, 100), keys.slice(0, 1_000)];
    expect(tier.readMany(keys, () => undefined)).toBeUndefined();
    const asked = [readAll(tier, some), readAll(tier, many)];
    expect(tier.readMany(some, () => undefined)).toBeUndefined();
    const [first, second] = await Promise.all(asked);
    expect(first.map(({ state }) => state)).toEqual(
      some.map((_key, n) => (n ? 'absent' : 'fresh')),
    );
    expect([second[0].entry?.value, second.at(-1)!.entry?.value]).toEqual(['first', 'last']);
    expect(await readAll(tier, some)).toHaveLength(100);
  });

  it('tags that are not known are asked for, and the answer is one', async () => {
    const [{ tier: a }, { tier: b }] = [await make(), await make()];
    await store(a, keys[0], 'kept', ['red']);
    await store(a, keys[1], 'gone', ['blue']);
    await a.apply({ kind: 'tags', tenant: 'p', tags: ['blue'] });
    const reads = await readAll(b, keys.slice(0, 3));
    expect(reads.map(({ state }) => state)).toEqual(['fresh', 'invalid', 'absent']);
  });

  it('the calls of a store that has gone fail, and the next ones may go', async () => {
    const { tier } = await make();
    await server.stop();
    for (let times = 0; times < 3; times++)
      await expect(readAll(tier, keys.slice(0, 10))).rejects.toThrow();
  });
});

describe('lost data', () => {
  it('FLUSHALL: entries of before are nowhere, a lease of before fills nothing anybody reads, and everybody forgets', async () => {
    const [a, b] = [await make(), await make()];
    await store(a.tier, at('k'), 'old', ['t']);
    const old = await client.getBuffer(at('k').scope.redisKey('e', at('k')));
    const before = [a.losses, b.losses];
    await client.flushall();
    await a.tier.apply({ kind: 'delete', addresses: [at('another')] });
    await expect.poll(() => [a.losses > before[0], b.losses > before[1]]).toEqual([true, true]);
    // The old bytes come back, as from a snapshot.
    await client.set(at('k').scope.redisKey('e', at('k')), old!);
    expect((await a.tier.read(at('k'))).state).toBe('invalid');
    expect((await b.tier.read(at('k'))).state).toBe('invalid');
    await store(b.tier, at('k'), 'new');
    expect(await a.tier.read(at('k'))).toMatchObject({ state: 'fresh', entry: { value: 'new' } });
  });

  it('while a reply was on its way: it is not taken, for it is of a history that has ended', async () => {
    const made = await make();
    await store(made.tier, at('k'), 'old');
    // oxlint-disable-next-line typescript/unbound-method -- called with its owner below
    const get = Commands.prototype.getOne;
    const spy = vi.spyOn(Commands.prototype, 'getOne').mockImplementationOnce(async function (
      this: Commands,
      ...asked
    ) {
      const value = await Reflect.apply(get, this, asked);
      const before = made.losses;
      await client.del(`${namespace}:{~}:ep`);
      await made.tier.apply({ kind: 'delete', addresses: [at('another')] });
      await expect.poll(() => made.losses).toBeGreaterThan(before);
      // The numbers of tags are known again: they say nothing against the entry.
      await made.tier.ticket(at('another'), { state: 'absent' });
      return value;
    });
    await expect(made.tier.read(at('k'))).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
    spy.mockRestore();
    expect((await made.tier.read(at('k'))).state).toBe('invalid');
  });

  it.each(['sq', 'ep'])(
    '%s is evicted: a new epoch, nothing of before is valid',
    async (record) => {
      const { tier } = await make();
      const address = at('k');
      await store(tier, address, 'old');
      // What it has made of an entry that is read again and again is of before as well.
      for (let read = 0; read < 4; read++) expect((await tier.read(address)).state).toBe('fresh');
      await client.del(`${namespace}:{~}:${record}`);
      await tier.apply({ kind: 'delete', addresses: [at('another')] });
      expect((await tier.read(address)).state).toBe('invalid');
    },
  );

  it('the counter went back under the same epoch: a new epoch', async () => {
    const { tier } = await make();
    await store(tier, at('k'), 'old');
    const number = BigInt((await client.get(`${namespace}:{~}:sq`))!);
    await client.set(`${namespace}:{~}:sq`, String(number - 10n));
    await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect
      .poll(async () => (await tier.read(at('k')).catch(() => undefined))?.state)
      .toBe('invalid');
  });

  it('a history that had ended comes back, as from a snapshot: nothing of it is valid', async () => {
    const { tier } = await make();
    await store(tier, at('k'), 'old');
    const records = [`${namespace}:{~}:sq`, `${namespace}:{~}:ep`];
    const [number, epoch] = await client.mget(records);
    await client.del(records);
    await tier.apply({ kind: 'delete', addresses: [at('another')] });
    expect((await tier.read(at('k'))).state).toBe('invalid');
    await client.mset(records[0], number!, records[1], epoch!);
    await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => client.get(records[1])).not.toBe(epoch);
    await expect
      .poll(async () => (await tier.read(at('k')).catch(() => undefined))?.state)
      .toBe('invalid');
  });

  it('tag records are evicted: tagged entries of before are invalid, later ones live', async () => {
    const { tier } = await make();
    await store(tier, at('k'), 'old', ['t']);
    await tier.apply({ kind: 'tags', tenant: 'p', tags: ['t'] });
    await client.del(`${namespace}:{~}:tags:p`);
    const other = await make();
    expect((await other.tier.read(at('k'))).state).toBe('invalid');
    await store(other.tier, at('k'), 'new', ['t']);
    expect((await (await make()).tier.read(at('k'))).state).toBe('fresh');
  });
});

describe('the stream', () => {
  it('tells every other instance what changed and in which order', async () => {
    const [a, b, c] = [await make(), await make(), await make()];
    await a.tier.apply({ kind: 'delete', addresses: [at('k')] });
    await b.tier.apply({ kind: 'tags', tenant: 't:x', tags: ['one', 'two'] });
    await a.tier.apply({ kind: 'set', addresses: [at('s')], entries: [entry(1)] });
    const told: RemoteChange[] = [
      { kind: 'delete', keys: [['p', 'default', 'k']] },
      { kind: 'tags', tenant: 't:x', tags: ['one', 'two'] },
      { kind: 'delete', keys: [['p', 'default', 's']] },
    ];
    await expect.poll(() => c.heard).toEqual(told);
    await expect.poll(() => b.heard).toEqual([told[0], told[2]]);
    await expect.poll(() => a.heard).toEqual([told[1]]);
  });

  it.each(['rubbish', 'a gap', 'a foreign epoch', 'a payload that is none'])(
    '%s in it makes everybody forget, and go on',
    async (what) => {
      const [a, b] = [await make(), await make()];
      const before = a.losses;
      const epoch = (await client.get(`${namespace}:{~}:ep`))!;
      const number = Number(await client.get(`${namespace}:{~}:sq`));
      const message = (n: number, e: string, k: string): string[] => [
        'n',
        String(n),
        'e',
        e,
        's',
        's',
        't',
        'd',
        'k',
        k,
      ];
      const fields: Record<string, string[]> = {
        rubbish: ['x', 'y'],
        'a gap': message(number + 2, epoch, '[]'),
        'a foreign epoch': message(number + 1, `${epoch}0`, '[]'),
        'a payload that is none': message(number + 1, epoch, '{"a":1}'),
      };
      await client.xadd(`${namespace}:{~}:st`, '*', ...fields[what]);
      await expect.poll(() => a.losses).toBeGreaterThan(before);
      await expect.poll(() => a.tier.status().state).toBe('up');
      await expect.poll(() => b.tier.status().state).toBe('up');
      await b.tier.apply({ kind: 'delete', addresses: [at('k')] });
      await expect.poll(() => a.heard.length).toBe(1);
    },
  );

  it('has lost a message, and nothing more happens: a heartbeat shows it', async () => {
    const a = await make();
    const before = a.losses;
    // A change was counted, and its message is gone.
    await client.incr(`${namespace}:{~}:sq`);
    await expect.poll(() => a.losses, { timeout: 5_000 }).toBeGreaterThan(before);
  });

  describe('is cut for one of two', () => {
    let way: Proxy;
    beforeEach(async () => {
      way = await Proxy.start(server.url);
    });
    afterEach(() => way.stop());

    /** Cut off while the other one changes two keys, one after the other. */
    async function apart(meanwhile: () => Promise<unknown>): Promise<Made> {
      const [a, b] = [await make(way.url), await make()];
      await b.tier.apply({ kind: 'delete', addresses: [at('heard')] });
      await expect.poll(() => a.heard.length).toBe(1);
      a.losses = 0;
      way.cut();
      await expect.poll(() => a.tier.status().state).toBe('down');
      for (const key of ['one', 'two'])
        await b.tier.apply({ kind: 'delete', addresses: [at(key)] });
      await meanwhile();
      way.mend();
      await expect.poll(() => a.tier.status().state, { timeout: 5_000 }).toBe('up');
      return a;
    }

    it('hears what was told meanwhile, in its order, and forgets nothing', async () => {
      const { heard, losses } = await apart(() => Promise.resolve());
      const keys = heard.map((change) => (change.kind === 'delete' ? change.keys[0][2] : ''));
      expect(keys).toEqual(['heard', 'one', 'two']);
      expect(losses).toBe(0);
    });

    it.each([
      ['a message is missing', () => client.xtrim(`${namespace}:{~}:st`, 'MAXLEN', 1)],
      ['all messages are', () => client.del(`${namespace}:{~}:st`)],
      ['the counter is', () => client.del(`${namespace}:{~}:sq`)],
    ])('forgets everything where %s', async (_name, damage) => {
      expect((await apart(damage)).losses).toBe(1);
    });

    async function promote(): Promise<void> {
      await client.call('REPLICAOF', '127.0.0.1', '1');
      await client.call('REPLICAOF', 'NO', 'ONE');
    }

    it('forgets everything where another history has begun meanwhile, though it has all', async () => {
      expect((await apart(promote)).losses).toBe(1);
    });

    it('hears what it makes again itself: before it knew of another history it may have learned from it', async () => {
      const a = await make(way.url);
      await a.tier.apply({ kind: 'delete', addresses: [at('k')] });
      way.cut();
      await expect.poll(() => a.tier.status().state).toBe('down');
      await promote();
      way.mend();
      const told: RemoteChange[] = [{ kind: 'delete', keys: [['p', 'default', 'k']] }];
      await expect.poll(() => a.heard, { timeout: 5_000 }).toEqual(told);
    });
  });
});

it('two servers are taken for the master: not in sync until both connections reach one', async () => {
  const other = await startRedis();
  let tail: Redis | undefined;
  const given = {
    isCluster: false,
    options: {},
    duplicate: (settings: RedisOptions) => {
      const before = settings.connectionName === 'mlc-tail';
      const made = new Redis((before ? server : other).url, settings);
      if (before) tail = made;
      return made;
    },
  };
  const tier = new RedisTier({ client: given, budget: 20 }, { namespace, clock });
  open.push(tier);
  await tier.open({ changed: () => undefined, lost: () => undefined, state: () => undefined });
  expect(tier.status()).toMatchObject({
    state: 'down',
    reason: 'two servers are taken for the master',
  });
  const { port, password } = new URL(other.url);
  Object.assign(tail!.options, { port: Number(port), password });
  await expect.poll(() => tier.status().state, { timeout: 5_000 }).toBe('up');
  await tier.close();
  await other.stop();
});

it('does what it is told and says so where what L3 is owed cannot be kept any more', async () => {
  const { tier } = await make();
  const change = { kind: 'delete', addresses: [at('k')] } as const;
  await tier.apply(change, { debt: 'first' });
  expect(await tier.book.debts()).toMatchObject([{ id: 'first.0' }]);
  const fill = "for i = 1, 100000 do redis.call('HSET', KEYS[1], 'f' .. i, 'd[]') end";
  await client.eval(fill, 1, `${namespace}:{~}:debt`);
  await store(tier, at('k'), 'v');
  await expect(tier.apply(change, { debt: 'one too many' })).rejects.toMatchObject({
    code: 'CACHE_TIER_UNAVAILABLE',
  });
  expect((await tier.read(at('k'))).state).toBe('absent');
  expect(await client.hexists(`${namespace}:{~}:debt`, 'one too many.0')).toBe(0);
});

it('does not send a value whose caller has given up', async () => {
  const { tier } = await make();
  const set = { kind: 'set', addresses: [at('k')], entries: [entry('late')] } as const;
  await expect(tier.apply(set, { until: clock.now() })).rejects.toMatchObject({
    code: 'CACHE_TIER_UNAVAILABLE',
  });
  expect((await tier.read(at('k'))).state).toBe('absent');
  await tier.apply(set, { until: clock.now() + 1_000 });
  expect((await tier.read(at('k'))).state).toBe('fresh');
});

it('stores a 64 KB value in less than half its bytes', async () => {
  const { tier } = await make();
  const value = Array.from({ length: 800 }, (_zero, id) => ({
    id,
    name: `product ${id}`,
    brand: 'acme',
    stock: id % 7,
    seller: `seller number ${id % 50}`,
  }));
  const json = JSON.stringify(value);
  expect(json.length).toBeGreaterThan(60_000);
  const address = at('large');
  await tier.fill(address, entry(value), await ticket(tier, address));
  expect(await client.strlen(address.entryKey)).toBeLessThan(json.length / 2);
  expect((await tier.read(address)).entry?.value).toEqual(value);
});

it('keeps large values out of Redis', async () => {
  const { tier } = await make();
  const large = entry(randomBytes(1024 ** 2).toString('base64'));
  expect(await tier.fill(at('k'), large, await ticket(tier, at('k')))).toBe('too-large');
  expect((await tier.read(at('k'))).state).toBe('absent');
});

it('rejects at once while Redis is gone, and closes at once while it is frozen', async () => {
  const { tier } = await make();
  await server.freeze();
  void tier.read(at('k')).catch(() => undefined);
  await tier.close();
  await expect(tier.read(at('k'))).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
});

it('a process that stood still does not take Redis for silent', async () => {
  const { tier } = await make();
  const asked = tier.read(at('a'));
  // It has been sent, and nobody has heard the answer.
  await new Promise((resolve) => process.nextTick(resolve));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  expect(await Promise.all([asked, tier.read(at('b'))])).toMatchObject([
    { state: 'absent' },
    { state: 'absent' },
  ]);
});

it('a Redis that is silent is asked no more before any of its replies is given up', async () => {
  const { tier } = await make();
  await server.freeze();
  void tier.read(at('a')).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 250));
  void tier.read(at('b')).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(tier.read(at('c'))).rejects.toThrow('silent');
});
