/** A thousand keys at once: how many commands and statements they cost on a cluster of three masters and a PostgreSQL. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Database } from '../../libs/multi-level-cache/src/tiers/database/pool.js';
import { closeCaches, testCache } from '../support/cache.js';
import { databaseUrl, freshNamespace, startCluster } from '../support/servers.js';

const KEYS = Array.from({ length: 1_000 }, (_zero, index) => `k${index}`);
let cluster: Awaited<ReturnType<typeof startCluster>>;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await closeCaches();
  await cluster.stop();
});

/** Statements while `work` runs, told from each other by what they do with the table. */
async function statements(work: () => Promise<unknown>): Promise<unknown[]> {
  const spies = [vi.spyOn(Database.prototype, 'query'), vi.spyOn(Database.prototype, 'lists')];
  try {
    await work();
    const verb = /insert into|update|delete|from unnest/;
    // The look into the outbox comes by itself, once a second.
    const texts = spies.flatMap(({ mock }) => mock.calls.map(([text]) => text));
    return texts.filter((text) => !text.includes('outbox')).map((text) => verb.exec(text)?.[0]);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Reads from the sockets of all masters while `work` runs: how many packets of commands came in. */
async function packets(work: () => Promise<unknown>): Promise<number[]> {
  const admins = (await cluster.masters()).map(
    ({ port }) => new Redis({ port, host: '127.0.0.1' }),
  );
  const count = (admin: Redis): Promise<number> =>
    admin.info('stats').then((text) => Number(/total_reads_processed:(\d+)/.exec(text)![1]));
  try {
    const before = await Promise.all(admins.map(count));
    await work();
    const after = await Promise.all(admins.map(count));
    // One of them is this question itself.
    return after.map((reads, index) => reads - before[index] - 1);
  } finally {
    await Promise.all(admins.map((admin) => admin.quit()));
  }
}

it('takes one statement each way in L3, and a pipeline per node in L2', async () => {
  const made = await testCache({
    namespace: freshNamespace(),
    l2: { cluster: cluster.nodes },
    database: databaseUrl(),
  });
  const { cache } = made;
  await cache.set('first', 1);
  const entries = new Map(KEYS.map((key) => [key, { key }]));

  expect(await statements(() => cache.setMany(entries))).toEqual(['insert into']);
  const reader = await testCache({
    namespace: made.namespace,
    l2: { cluster: cluster.nodes },
    database: databaseUrl(),
  });
  await reader.cache.get('none');
  let found = new Map<string, unknown>();
  const get = async (): Promise<void> => {
    found = await reader.cache.getMany(KEYS);
  };
  expect(await statements(get)).toEqual(['from unnest']);
  expect(found).toEqual(entries);
  await reader.cache.drain();

  // From L2 alone now: one pipeline of GETs per node.
  const third = await testCache({ namespace: made.namespace, l2: { cluster: cluster.nodes } });
  await third.cache.get('none');
  const reads = await packets(async () => {
    found = await third.cache.getMany(KEYS);
  });
  expect(found).toEqual(entries);
  // A packet of a pipeline may arrive in a few pieces of the socket's size; a thousand single ones it is not.
  for (const count of reads) expect(count).toBeLessThan(20);

  expect(await statements(() => cache.deleteMany(KEYS))).toEqual(['insert into']);
  expect(await third.cache.getMany(KEYS, { tiers: ['l2'] })).toEqual(new Map());
});
