/** PostgreSQL starts anew, or answers and takes nothing: what it has is read all the same. */
import type pg from 'pg';
import { expect } from 'vitest';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach, kept, later } from '../../../support/ends.js';
import { freshNamespace, redisUrl, startPostgres, type Server } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { connection, unharmed, untilUp } from '../stage.js';

endAfterEach();

const BUDGET = 50;

function madeOn(server: Server, namespace: string): Promise<TestCache> {
  return testCache({ namespace, redis: redisUrl(), database: server.url, budget: BUDGET });
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
