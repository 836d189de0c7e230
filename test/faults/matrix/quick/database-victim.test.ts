/** A statement of the cache is the one that PostgreSQL gives up for another: it is sent once more, and nobody notices. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { expect, vi } from 'vitest';
import { Address, Scope } from '../../../../libs/multi-level-cache/src/core/key.js';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach, kept } from '../../../support/ends.js';
import { freshNamespace, startPostgres, type Server } from '../../../support/servers.js';
import { row } from '../row.js';
import { connection } from '../stage.js';

endAfterEach();

/** How often the server has said so. */
async function saidBy({ dir }: Server, text: string): Promise<number> {
  return (await readFile(join(dir, 'log'), 'utf8')).split(text).length - 1;
}

/** A cache whose keys are in L3, and about to be deleted. */
interface Victim {
  readonly server: Server;
  readonly made: TestCache;
  /** In the order in which a statement locks them. */
  readonly hashes: readonly string[];
  readonly deleteAll: () => Promise<void>;
}

async function stored(settings: Readonly<Record<string, string>>, keys: number): Promise<Victim> {
  const server = await kept(startPostgres(undefined, settings));
  const namespace = freshNamespace();
  const made = await testCache({ namespace, database: server.url, l1: false });
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
