/** Two primaries at a time: one instance reaches the old one and no Sentinel, the others have gone on with the new one. */
import { Redis } from 'ioredis';
import { ask, startSentinel, type Sentinel } from 'throwaway-servers';
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach, kept } from '../../../support/ends.js';
import { Proxy } from '../../../support/proxy.js';
import { freshNamespace, type Server } from '../../../support/servers.js';
import { row } from '../row.js';

const TTL_MS = 2_000;
const NOT_TO_BE_REPLACED = ['-replicaof', '-slaveof', '-psync', '-sync'];

endAfterEach();

/** The primary goes on as one, whatever the Sentinels say, without replicas; resolves with the new one. */
async function splitFrom(fleet: Sentinel, old: Server): Promise<Server> {
  await ask(old, 'acl', 'setuser', 'default', ...NOT_TO_BE_REPLACED);
  const promoted = await fleet.failover();
  await ask(old, 'client', 'kill', 'type', 'replica');
  await expect.poll(async () => (await ask(promoted, 'role')).split('\n')[0]).toBe('master');
  expect((await ask(old, 'role')).split('\n')[0]).toBe('master');
  return promoted;
}

/** What the Sentinels would have done to it. */
async function rejoin(old: Server, { port }: Server): Promise<void> {
  await ask(old, 'acl', 'setuser', 'default', '+@all');
  await ask(old, 'replicaof', '127.0.0.1', String(port));
  await ask(old, 'client', 'kill', 'type', 'normal');
}

row(
  28,
  {
    fault: 'Split brain: the old primary lives on with an instance that hears no Sentinel',
    expected: 'stale on either side for no longer than ttl; nothing stale once it is healed',
  },
  async (figures) => {
    const fleet = await kept(startSentinel());
    const { name, sentinels } = fleet;
    const namespace = freshNamespace();
    const ways = await Promise.all(
      sentinels.map(({ host, port }) => kept(Proxy.start(`redis://${host}:${port}`))),
    );
    const client = new Redis({
      sentinels: ways.map(({ url }) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })),
      name,
      // It would learn of another way.
      updateSentinels: false,
      failoverDetector: true,
      lazyConnect: true,
    });
    const isolated = (await testCache({ namespace, l2: { client } })).cache;
    const other = (await testCache({ namespace, l2: { sentinels, name } })).cache;
    const values = { theirs: 1, mine: 1 };
    const read = (cache: typeof other, key: keyof typeof values): Promise<number> =>
      cache.getOrSet(key, () => values[key], { ttl: key === 'theirs' ? TTL_MS : 60_000 });

    const old = await fleet.primary();
    for (const way of ways) way.cut();
    const promoted = await splitFrom(fleet, old);
    await expect.poll(async () => (await other.delete('any')).l2, { timeout: 10_000 }).toBe('ok');
    // Both sides hold them now, each on its own.
    for (const cache of [isolated, other])
      for (const key of ['theirs', 'mine'] as const) expect(await read(cache, key)).toBe(1);

    values.theirs = values.mine = 2;
    expect(await other.delete('theirs')).toMatchObject({ l2: 'ok' });
    const changed = performance.now();
    expect(await isolated.delete('mine')).toMatchObject({ l2: 'ok' });
    expect(await read(isolated, 'theirs')).toBe(1);
    expect(await read(other, 'mine')).toBe(1);
    let longest = 0;
    const look = async (): Promise<number> => {
      const asked = performance.now();
      const value = await read(isolated, 'theirs');
      if (value === 1) longest = asked - changed;
      return value;
    };
    await expect.poll(look, { timeout: 20_000, interval: 5 }).toBe(2);
    figures.ms('longest stale', longest, TTL_MS);

    for (const way of ways) way.mend();
    await rejoin(old, promoted);
    const healed = performance.now();
    // What it changed meanwhile it makes again on the new primary.
    await expect.poll(() => read(other, 'mine'), { timeout: 10_000, interval: 5 }).toBe(2);
    figures.ms('healed after', performance.now() - healed, 3_000);
    let stale = 0;
    for (let times = 0; times < 50; times++)
      for (const cache of [isolated, other])
        for (const key of ['theirs', 'mine'] as const) if ((await read(cache, key)) !== 2) stale++;
    figures.count('stale values after it is healed', stale, 0);
  },
);
