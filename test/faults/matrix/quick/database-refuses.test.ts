/** PostgreSQL answers, and refuses: it starts anew, a statement is the victim of another one, nothing may be written. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, vi } from 'vitest';
import { Address, Scope } from '../../../../libs/multi-level-cache/src/core/key.js';
import { testCache, type TestCache } from '../../../support/cache.js';
import { freshNamespace, redisUrl, startPostgres, type Server } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { endAfterEach, kept, later, unharmed, untilUp } from '../stage.js';

endAfterEach();

const BUDGET = 50;

/** Another user of the same database. */
async function connection({ url }: Server): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  later(() => client.end());
  return client;
}

function madeOn(server: Server, namespace: string): Promise<TestCache> {
  return testCache({ namespace, redis: redisUrl(), database: server.url, budget: BUDGET });
}

/** How often the server has said so. */
async function saidBy({ dir }: Server, text: string): Promise<number> {
  return (await readFile(join(dir, 'log'), 'utf8')).split(text).length - 1;
}

row(
  22,
  {
    fault: 'PostgreSQL killed and started anew under load',
    expected: 'no failed request; used again within 2 s',
  },
  async (figures) => {
    const server = await kept(startPostgres());
    const made = await madeOn(server, freshNamespace());
    const load = new Load([made.cache], { ttl: 50, writeEvery: 20 });
    later(() => load.stop());
    await load.during(500);
    await server.kill();
    const gone = await load.during(1_000);
    expect(made.cache.stats().tiers.l3.state).toBe('down');
    await server.restart();
    figures.ms('used again after', await untilUp(made, 'l3'), 2_000);
    const before = made.cache.stats().tiers.l3.writes;
    await expect
      .poll(() => made.cache.stats().tiers.l3.writes, { timeout: 5_000 })
      .toBeGreaterThan(before);
    figures.ms('p99 while it is gone', gone.p99, BUDGET);
    unharmed(figures, gone, await load.stop());
  },
);

/** What a delete of two keys has come to once the server made it the victim of `rival`. */
interface Victim {
  readonly server: Server;
  readonly made: TestCache;
  /** In the order in which a statement locks them. */
  readonly hashes: readonly string[];
  deleteAll(): Promise<void>;
}

async function stored(settings: Readonly<Record<string, string>>, keys: number): Promise<Victim> {
  const server = await kept(startPostgres(undefined, settings));
  const namespace = freshNamespace();
  const made = await testCache({ namespace, database: server.url, l1: false, budget: BUDGET });
  const scope = new Scope(namespace, 'p', 'default');
  const names = Array.from({ length: keys }, (_zero, at) => `k${at}`);
  for (const name of names) await made.cache.getOrSet(name, () => 'old');
  await made.cache.drain();
  for (const name of names) expect(await made.cache.get(name)).toBe('old');
  const hashes = names.map((name) => new Address(scope, name).rowHash).sort();
  const deleteAll = async (): Promise<void> => {
    await made.cache.deleteMany(names);
    await expect.poll(async () => (await made.cache.getMany(names)).size).toBe(0);
  };
  return { server, made, hashes, deleteAll };
}

const LOCK = 'select from mlcache.entry where key_hash = decode($1, $2) for update';

async function lock(client: pg.Client, hash: string): Promise<void> {
  expect((await client.query(LOCK, [hash, 'hex'])).rowCount).toBe(1);
}

/** So many statements wait for a lock. */
async function waiting(client: pg.Client, number: number): Promise<void> {
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ n: number }>(
      'select count(*)::int as n from pg_locks where not granted',
    );
    return rows[0].n;
  };
  await expect.poll(count, { interval: 5 }).toBe(number);
}

row(
  22,
  {
    fault: 'PostgreSQL: a statement is the victim of a deadlock',
    expected: 'sent once more, nothing is owed; the value is gone',
  },
  async (figures) => {
    const { server, made, hashes, deleteAll } = await stored({ deadlock_timeout: '50ms' }, 3);
    const [holder, rival, watcher] = [
      await connection(server),
      await connection(server),
      await connection(server),
    ];
    // Whoever waits longer finds the circle and is its victim: the rival never looks for one.
    await rival.query(`set deadlock_timeout = '1h'`);
    for (const client of [holder, rival]) await client.query('begin');
    await lock(holder, hashes[1]);
    await lock(rival, hashes[2]);
    const apply = vi.spyOn(made.l3!, 'apply');
    const deleted = deleteAll();
    await waiting(watcher, 1);
    const crossing = lock(rival, hashes[0]);
    await waiting(watcher, 2);
    // From here to the rival's row, which waits for the first one.
    await holder.query('commit');
    await crossing;
    await rival.query('commit');
    await deleted;
    await expect.poll(() => saidBy(server, 'deadlock detected')).toBe(1);
    expect(apply.mock.settledResults[0].type).toBe('fulfilled');
    const failed = apply.mock.settledResults.filter(({ type }) => type === 'rejected').length;
    figures.count('deadlocks', await saidBy(server, 'deadlock detected'));
    figures.count('failed changes', failed, 0);
  },
);

row(
  22,
  {
    fault: 'PostgreSQL: a statement cannot be serialized',
    expected: 'sent once more, nothing is owed; the value is gone',
  },
  async (figures) => {
    const settings = { default_transaction_isolation: 'repeatable read' };
    const { server, made, hashes, deleteAll } = await stored(settings, 1);
    const [rival, watcher] = [await connection(server), await connection(server)];
    await rival.query('begin');
    await rival.query('update mlcache.entry set tags = tags where key_hash = decode($1, $2)', [
      hashes[0],
      'hex',
    ]);
    const apply = vi.spyOn(made.l3!, 'apply');
    const deleted = deleteAll();
    await waiting(watcher, 1);
    await rival.query('commit');
    await deleted;
    const conflicts = await saidBy(server, 'could not serialize access');
    expect(conflicts).toBe(1);
    const failed = apply.mock.settledResults.filter(({ type }) => type === 'rejected').length;
    figures.count('conflicts', conflicts);
    figures.count('failed changes', failed, 0);
  },
);

/** Nothing can be written, until what is returned has been called. */
const REFUSALS = [
  {
    fault: 'PostgreSQL is read-only',
    begin: async (admin: pg.Client): Promise<() => Promise<void>> => {
      const readOnly = async (value: string): Promise<void> => {
        await admin.query('set default_transaction_read_only = off');
        await admin.query(`alter system set default_transaction_read_only = ${value}`);
        await admin.query('select pg_reload_conf()');
      };
      await readOnly('on');
      return () => readOnly('off');
    },
  },
  {
    fault: 'PostgreSQL: the disk is full',
    begin: async (admin: pg.Client): Promise<() => Promise<void>> => {
      await admin.query(`create function mlcache.full() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$`);
      await admin.query(`create trigger full_disk before insert or update on mlcache.entry
        execute function mlcache.full()`);
      return async () => {
        await admin.query('drop trigger full_disk on mlcache.entry');
      };
    },
  },
] as const;

for (const { fault, begin } of REFUSALS)
  row(
    22,
    {
      fault,
      expected:
        'reads of L3 go on, no failed request; invalidations are owed and paid, nothing deleted comes back',
    },
    async (figures) => {
      const server = await kept(startPostgres());
      const namespace = freshNamespace();
      const made = await madeOn(server, namespace);
      const fromL3 = async (key: string): Promise<unknown> =>
        made.cache.get(key, { tiers: ['l3'] });
      for (const key of ['kept', 'deleted']) await made.cache.getOrSet(key, () => 'old');
      await made.cache.drain();
      const load = new Load([made.cache], { ttl: 50, writeEvery: 20 });
      later(() => load.stop());
      await load.during(300);
      const heal = await begin(await connection(server));
      const taken = async (): Promise<string> => (await made.cache.delete('probe')).l3;
      await expect.poll(taken, { interval: 10 }).toBe('queued');
      const receipt = await made.cache.delete('deleted');
      expect(receipt).toMatchObject({ l2: 'ok', l3: 'queued', durable: true });
      const states = new Set<string>();
      let [reads, hits] = [0, 0];
      const end = performance.now() + 1_500;
      while (performance.now() < end) {
        reads++;
        if ((await fromL3('kept')) === 'old') hits++;
        expect(await made.cache.get('deleted')).toBeUndefined();
        states.add(made.cache.stats().tiers.l3.state);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const during = await load.next();
      await heal();
      const healed = performance.now();
      await expect
        .poll(async () => (await made.cache.delete('another')).l3, { timeout: 10_000 })
        .toBe('ok');
      const newcomer = await madeOn(server, namespace);
      await expect.poll(() => made.l3!.book!.debts()).toEqual([]);
      figures.ms('written again after', performance.now() - healed, 2_000);
      for (const { cache } of [made, newcomer])
        expect(await cache.get('deleted', { tiers: ['l3'] })).toBeUndefined();
      figures.count('reads of L3', reads);
      figures.count('of them without an answer', reads - hits, 0);
      unharmed(figures, during, await load.stop());
      // Whoever looks is told that it takes nothing, and that it answers.
      expect(states).toContain('degraded');
      expect(states).not.toContain('down');
    },
  );
