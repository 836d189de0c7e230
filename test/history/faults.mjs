// The faults of the history command: which servers each needs, and how it is made and healed once.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ask } from 'throwaway-servers';

/**
 * `hit` resolves when the fault is over; `prepare` runs before it begins. `redis: false` = Redis goes on, so instances hear
 * of each other as ever. `dark` = nobody reaches Redis while it lasts. `lossy` = an acknowledged write may be lost with a primary.
 */
export const FAULTS = {
  none: { shape: 'standalone' },
  sigstop: {
    shape: 'standalone',
    dark: true,
    hit: async ({ redis, between }) => {
      await redis.freeze();
      await sleep(between(200, 3_000));
      await redis.thaw();
    },
  },
  'kill-empty': {
    shape: 'standalone',
    dark: true,
    hit: async ({ redis, between }) => {
      await redis.kill();
      await rm(join(redis.dir, 'dump.rdb'), { force: true });
      await sleep(between(100, 5_000));
      await redis.restart();
    },
  },
  'old-snapshot': {
    shape: 'standalone',
    dark: true,
    prepare: async ({ redis, between }) => {
      await command(redis, 'SAVE');
      await sleep(between(300, 2_000));
    },
    hit: async ({ redis, between }) => {
      await redis.kill();
      await sleep(between(100, 4_000));
      await redis.restart();
    },
  },
  cut: {
    shape: 'standalone',
    proxied: true,
    hit: async ({ redis, proxies, between, round }) => {
      if (round % 3 === 2) {
        await command(redis, 'CLIENT', 'KILL', 'TYPE', 'normal');
        await command(redis, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
        return;
      }
      const proxy = proxies[Math.floor(between(0, proxies.length))];
      proxy.silence({ tail: round % 3 === 1 });
      await sleep(between(200, 6_000));
      proxy.resume({ cut: between(0, 1) < 0.5 });
    },
  },
  'sentinel-failover': { shape: 'sentinel', lossy: true, hit: failSentinel },
  'cluster-failover': { shape: 'cluster', lossy: true, hit: failCluster },
  'pg-kill': {
    shape: 'standalone',
    database: true,
    redis: false,
    hit: async ({ postgres, between }) => {
      await postgres.kill();
      await sleep(between(100, 3_000));
      await postgres.restart();
    },
  },
  'pg-freeze': {
    shape: 'standalone',
    database: true,
    redis: false,
    hit: async ({ postgres, between }) => {
      await postgres.freeze();
      await sleep(between(200, 3_000));
      await postgres.thaw();
    },
  },
};

/** Asked for, and forced by the primary's death, in turn. */
async function failSentinel({ sentinel, round }) {
  const old = await sentinel.primary();
  const killed = round % 2 === 1;
  if (killed) await old.kill();
  else await ask(sentinel.sentinelServers[0], 'sentinel', 'failover', sentinel.name);
  await until('no failover', async () => (await sentinel.primary()) !== old);
  if (killed) await old.restart();
  await until('the old primary does not step down', async () =>
    (await ask(old, 'info', 'replication')).includes('role:slave'),
  );
}

async function failCluster({ cluster, round, between }) {
  const masters = await cluster.masters();
  const old = masters[Math.floor(between(0, masters.length))];
  const others = cluster.servers.filter((server) => !masters.includes(server));
  const replica = await replicaOf(old, others);
  const leads = async () => (await cluster.masters()).includes(replica);
  if (round % 2 === 0) {
    await ask(replica, 'cluster', 'failover');
    await until('no failover', leads);
    return;
  }
  await old.kill();
  await until('no failover', leads);
  await old.restart();
  await until('the old master does not follow', async () =>
    (await ask(old, 'info', 'replication')).includes('master_link_status:up'),
  );
}

async function replicaOf(master, servers) {
  for (const server of servers)
    if ((await ask(server, 'info', 'replication')).includes(`master_port:${master.port}`))
      return server;
  throw new Error('a master has no replica');
}

async function command(redis, ...words) {
  const client = new Redis(redis.url, { maxRetriesPerRequest: 0, retryStrategy: null });
  client.on('error', () => undefined);
  try {
    await client.call(...words);
  } finally {
    client.disconnect();
  }
}

async function until(what, found) {
  const end = performance.now() + 20_000;
  while (!(await found().catch(() => false))) {
    if (performance.now() > end) throw new Error(`${what} within 20 s`);
    await sleep(20);
  }
}
