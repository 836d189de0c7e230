/** PostgreSQL has committed, and Redis is not there to be told: the change is owed, in a place that outlives the process. */
import { expect, vi } from 'vitest';
import { deferred, testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach, kept } from '../../../support/ends.js';
import { Things } from '../../../support/commit-and-die.js';
import { freshDatabase, freshNamespace, startRedis } from '../../../support/servers.js';
import { row } from '../row.js';
import { untilUp } from '../stage.js';

/** Others look into the outbox once a second, and hear of it before that. */
const STALE_MS = 1_000;

endAfterEach();

row(
  23,
  {
    fault: 'PostgreSQL commits, Redis is killed before it hears of it',
    expected:
      'receipt queued and durable, others stale for a bounded time, nothing stale once Redis is back',
  },
  async (figures) => {
    const redis = await kept(
      startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }),
    );
    const things = await kept(Things.create(await freshDatabase()));
    await things.add('k');
    const { database } = things;
    const options = { namespace: freshNamespace(), redis: redis.url, database, mayBeDown: true };
    const [writer, other] = [await testCache(options), await testCache(options)];
    const read = ({ cache }: TestCache): Promise<number> =>
      cache.getOrSet('k', () => things.valueOf('k'));
    for (const one of [writer, other]) expect(await read(one)).toBe(1);
    await writer.cache.drain();
    await redis.kill();
    await things.pool.query('update thing set value = 2');
    const receipt = await writer.cache.delete('k');
    const acknowledged = performance.now();
    expect(receipt).toMatchObject({ l2: 'queued', l3: 'ok', durable: true });
    expect(await things.owed()).toBe(1);
    expect(await read(writer)).toBe(2);
    await expect.poll(() => read(other), { timeout: 30_000, interval: 5 }).toBe(2);
    figures.ms('stale elsewhere', performance.now() - acknowledged, STALE_MS);
    // The old value is in its file.
    const third = await testCache({ ...options, l1: false });
    const instances = [writer, other, third];
    // It is back, and nobody has paid yet.
    const payable = deferred();
    for (const { l2 } of instances) {
      const apply = l2!.apply.bind(l2);
      vi.spyOn(l2!, 'apply').mockImplementation(async (...change) => {
        await payable.promise;
        await apply(...change);
      });
    }
    await redis.restart();
    const back = performance.now();
    let stale = 0;
    const look = async (): Promise<void> => {
      for (const one of instances) if ((await read(one)) !== 2) stale++;
    };
    for (const one of instances) await untilUp(one, 'l2');
    for (let times = 0; times < 10; times++) await look();
    payable.resolve();
    const owed = async (): Promise<number> => {
      await look();
      return things.owed();
    };
    await expect.poll(owed, { timeout: 10_000, interval: 5 }).toBe(0);
    figures.ms('paid after its return', performance.now() - back, 2_500);
    instances.push(await testCache(options));
    await look();
    figures.count('stale values once it is back', stale, 0);
  },
);
