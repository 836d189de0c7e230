/** L3 by itself: batches, fences, restarts, migrations, sweeping. */
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { createEntry, type Entry } from '../../libs/multi-level-cache/src/core/entry.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import type { Ticket, TierListener } from '../../libs/multi-level-cache/src/core/tier.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { SCHEMA_VERSION } from '../../libs/multi-level-cache/src/tiers/database/migrations.js';
import { freshDatabase, freshNamespace, startPostgres } from '../support/servers.js';

const clock = new SystemClock();
const LISTENER: TierListener = {
  changed: () => undefined,
  lost: () => undefined,
  state: () => undefined,
};
const open: DatabaseTier[] = [];
let url: string;
let namespace: string;
let sql: pg.Client;

beforeEach(async () => {
  url = await freshDatabase();
  namespace = freshNamespace();
  sql = new pg.Client({ connectionString: url });
  await sql.connect();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((tier) => tier.close()));
  await sql.end();
});

async function make(
  overrides: { url?: string; migrate?: boolean; dataSource?: { options: { type: string } } } = {},
): Promise<DatabaseTier> {
  const options = {
    url,
    poolSize: 4,
    schema: 'mlcache',
    table: 'entry',
    migrate: true,
    unlogged: false,
    poolerMode: false,
    maxSize: 1024 ** 3,
    maxAge: 30 * 86_400_000,
    budget: 50,
    ...overrides,
  };
  const tier = new DatabaseTier(options, { namespace, clock });
  open.push(tier);
  await tier.open(LISTENER);
  return tier;
}

function at(key: string): Address {
  return new Address(new Scope(namespace, 'p', 'default'), key);
}

function entry(value: unknown, ttl = 60_000, tags: string[] = []): Entry {
  return createEntry(value, { ttl, grace: 0, tags }, clock.now(), 0, true);
}

async function ticket(tier: DatabaseTier, address: Address): Promise<Ticket> {
  const reply = tier.ticket(address, await tier.read(address));
  if (reply.kind !== 'granted') throw new Error(reply.kind);
  return reply.ticket;
}

it('answers many callers of one moment with two statements and many keys of one call with one, as it stores many fills', async () => {
  const tier = await make();
  const addresses = Array.from({ length: 100 }, (_, index) => at(`k${index}`));
  const asked: string[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called with its client below
  const query = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]): unknown {
    const [first] = args as [{ text?: string }];
    if (first.text) asked.push(/insert into/.test(first.text) ? 'fill' : 'read');
    return Reflect.apply(query, this, args);
  } as typeof query;
  try {
    const tickets = await Promise.all(addresses.map((address) => ticket(tier, address)));
    expect(asked).toEqual(['read', 'read']);
    asked.length = 0;
    const stored = await Promise.all(
      addresses.map((address, index) => tier.fill(address, entry(index), tickets[index])),
    );
    expect(stored.every(Boolean)).toBe(true);
    expect(asked).toEqual(['fill']);
    asked.length = 0;
    const reads = await Promise.all(addresses.map((address) => tier.read(address, true)));
    expect(reads.map((read) => read.entry?.value)).toEqual(addresses.map((_, index) => index));
    expect(asked).toEqual(['read']);
  } finally {
    pg.Client.prototype.query = query;
  }
});

it('judges the keys of each tenant by its own tags, also where one statement asks for several', async () => {
  const tier = await make();
  const [a, b] = ['t:a', 't:b'].map(
    (tenant) => new Address(new Scope(namespace, tenant, 'default'), 'user:1'),
  );
  for (const address of [a, b]) await tier.fill(address, entry('v'), await ticket(tier, address));
  await tier.apply({ kind: 'tags', tenant: 't:b', tags: [b.scope.clearTag] });
  const reads = await Promise.all([tier.read(a, true), tier.read(b, true)]);
  expect(reads.map(({ state }) => state)).toEqual(['fresh', 'invalid']);
});

describe('the fence', () => {
  it('refuses an older fill after a newer one, a delete or a set', async () => {
    const tier = await make();
    for (const [name, change] of [
      ['delete', { kind: 'delete', addresses: [at('delete')] }],
      ['set', { kind: 'set', addresses: [at('set')], entries: [entry('set')] }],
    ] as const) {
      const old = await ticket(tier, at(name));
      await tier.apply(change);
      expect(await tier.fill(at(name), entry('old'), old)).toBe(false);
    }
    const old = await ticket(tier, at('newer'));
    await tier.apply({ kind: 'delete', addresses: [at('newer')] });
    expect(await tier.fill(at('newer'), entry('new'), await ticket(tier, at('newer')))).toBe(true);
    expect(await tier.fill(at('newer'), entry('old'), old)).toBe(false);
    expect((await tier.read(at('newer'))).entry?.value).toBe('new');
  });

  it('refuses a fill whose ticket saw the number of a delete that was not committed yet', async () => {
    const tier = await make();
    expect(await tier.fill(at('k'), entry('first'), await ticket(tier, at('k')))).toBe(true);
    await sql.query('begin');
    await sql.query(
      "update mlcache.entry set value = null, ver = nextval('mlcache.ver') where tenant = $1",
      [`${namespace}/p`],
    );
    const early = await ticket(tier, at('k'));
    await sql.query('commit');
    expect(await tier.fill(at('k'), entry('old'), early)).toBe(false);
    expect((await tier.read(at('k'))).state).toBe('invalid');
  });

  it('takes nothing from who has not read a row that is being written, nor after a guard that ended by itself', async () => {
    const tier = await make();
    const blind = (): Ticket => {
      const reply = tier.ticket(at('k'), { state: 'absent' });
      return (reply as Extract<typeof reply, { kind: 'granted' }>).ticket;
    };
    await tier.apply({ kind: 'guard', addresses: [at('k')], id: 'a', ms: 50 });
    await tier.read(at('other'));
    const ticket = blind();
    expect(await tier.fill(at('k'), entry('during'), ticket)).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await tier.fill(at('k'), entry('late'), ticket)).toBe(false);
    await tier.apply({ kind: 'unguard', addresses: [at('k')], id: 'a' });
    await tier.read(at('other'));
    expect(await tier.fill(at('k'), entry('new'), blind())).toBe(true);
  });

  it('a delete that took its number first and comes last: what a later expire has left is gone, and so is a ticket of that', async () => {
    const tier = await make();
    // Rows are written in the order of their hashes: the delete waits at the first, and has its number.
    const addresses = [at('one'), at('two')].sort((a, b) => (a.rowHash < b.rowHash ? -1 : 1));
    const [first, second] = addresses;
    const old = createEntry('old', { ttl: 60_000, grace: 60_000, tags: [] }, clock.now(), 0, true);
    for (const address of addresses) await tier.fill(address, old, await ticket(tier, address));
    await sql.query('begin');
    await sql.query('select from mlcache.entry where key_hash = $1 for update', [
      `\\x${first.rowHash}`,
    ]);
    const removed = tier.apply({ kind: 'delete', addresses });
    const waiting = 'select count(*)::int as locks from pg_locks where not granted';
    await expect
      .poll(async () => (await sql.query<{ locks: number }>(waiting)).rows[0].locks)
      .toBe(1);
    await tier.apply({ kind: 'expire', addresses: [second] });
    const stale = await tier.read(second);
    expect(stale.state).toBe('stale');
    const late = await ticket(tier, second);
    await sql.query('commit');
    await removed;
    expect((await tier.read(second)).state).toBe('invalid');
    expect(await tier.fill(second, entry('late'), late)).toBe(false);
  });

  it('does not store a value whose caller has given up, and removes all the same', async () => {
    const tier = await make();
    const set = { kind: 'set', addresses: [at('k')], entries: [entry('late')] } as const;
    await expect(tier.apply(set, { until: clock.now() })).rejects.toMatchObject({
      code: 'CACHE_TIER_UNAVAILABLE',
    });
    expect((await tier.read(at('k'))).state).toBe('absent');
    await tier.apply(set, { until: clock.now() + 1_000 });
    expect((await tier.read(at('k'))).state).toBe('fresh');
    await tier.apply({ kind: 'delete', addresses: [at('k')] }, { until: clock.now() });
    expect((await tier.read(at('k'))).state).toBe('invalid');
  });

  it('refuses a ticket from before a restart, and keeps what was stored', async () => {
    const server = await startPostgres();
    try {
      const tier = await make({ url: server.url });
      expect(await tier.fill(at('kept'), entry('kept'), await ticket(tier, at('kept')))).toBe(true);
      await tier.apply({ kind: 'set', addresses: [at('set')], entries: [entry('set')] });
      const old = await ticket(tier, at('k'));
      await server.kill();
      await server.restart();
      await tier.read(at('k')).catch(() => undefined);
      await expect.poll(() => tier.status().state, { timeout: 10_000 }).toBe('up');
      expect(await tier.fill(at('k'), entry('old'), old)).toBe(false);
      expect((await tier.read(at('set'))).entry?.value).toBe('set');
    } finally {
      await server.stop();
    }
  });

  it('leaves gone what a tag has removed, though it is expired afterwards', async () => {
    const tier = await make();
    const { tenant } = at('k').scope;
    const tagged = { ...entry('v'), tags: ['t'], staleUntil: clock.now() + 120_000 };
    const change = { addresses: [at('k')] };
    for (const soft of [true, false]) {
      await tier.apply({ kind: 'set', ...change, entries: [tagged] });
      await tier.apply({ kind: 'tags', tenant, tags: ['t'], soft });
      for (let time = 0; time < 2; time++) await tier.apply({ kind: 'expire', ...change });
      expect((await tier.read(at('k'))).state).toBe(soft ? 'stale' : 'invalid');
    }
  });

  it('makes rows of another timeline invalid', async () => {
    const tier = await make();
    expect(await tier.fill(at('k'), entry('v'), await ticket(tier, at('k')))).toBe(true);
    await sql.query("update mlcache.entry set tl = 'another'");
    expect((await tier.read(at('k'))).state).toBe('invalid');
    expect(await tier.fill(at('k'), entry('new'), await ticket(tier, at('k')))).toBe(true);
    expect((await tier.read(at('k'))).entry?.value).toBe('new');
  });
});

describe('the tables', () => {
  it('are made once by instances that boot together', async () => {
    const tiers = await Promise.all([make(), make(), make(), make()]);
    expect(tiers.map((tier) => tier.status().state)).toEqual(['up', 'up', 'up', 'up']);
    expect((await sql.query('select * from mlcache.meta')).rows).toEqual([
      { name: 'entry', version: SCHEMA_VERSION },
    ]);
  });

  it('are missed by name where they may not be made', async () => {
    const tier = await make({ migrate: false });
    expect(tier.status()).toMatchObject({
      state: 'down',
      reason: 'without the tables of the cache',
    });
  });

  it('are swept of the dead by two at once, and of nothing else', async () => {
    const [a, b] = [await make(), await make()];
    const fill = async (key: string, ttl: number): Promise<unknown> =>
      a.fill(at(key), entry(key, ttl), await ticket(a, at(key)));
    await Promise.all(Array.from({ length: 30 }, (_, index) => fill(`dead${index}`, 300)));
    await fill('alive', 60_000);
    await sql.query('select pg_sleep(0.35)');
    const swept = await Promise.all([a.sweep(20), b.sweep(20)]);
    expect(swept[0] + swept[1] + (await a.sweep(20))).toBe(30);
    expect((await a.read(at('alive'))).state).toBe('fresh');
  });

  it('are reached with the settings of a TypeORM data source', async () => {
    const { username, password, hostname, port, pathname } = new URL(url);
    const options = {
      type: 'postgres',
      host: hostname,
      port: Number(port),
      username,
      password,
      database: pathname.slice(1),
    };
    const settings = {
      poolSize: 2,
      schema: 'mlcache',
      table: 'entry',
      migrate: true,
      unlogged: false,
      poolerMode: false,
      maxSize: 1024 ** 3,
      maxAge: 30 * 86_400_000,
      budget: 50,
      dataSource: { options },
    };
    const tier = new DatabaseTier(settings, { namespace, clock });
    open.push(tier);
    await tier.open(LISTENER);
    expect(tier.status().state).toBe('up');
  });
});
