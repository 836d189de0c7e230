/** Records of Redis vanish, one by one or all scripts at once: what was removed stays so. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { Address, Scope } from '../../../../libs/multi-level-cache/src/core/key.js';
import { deferred, testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { freshNamespace, redisUrl } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, AMPLE, ownRedis, States } from '../setting.js';

endAfterEach();

row(
  16,
  { fault: 'SCRIPT FLUSH under load', expected: 'scripts are sent again, and nobody notices' },
  async (figures) => {
    const server = await ownRedis();
    const admin = adminOf(server);
    const made = await testCache({
      namespace: freshNamespace(),
      redis: server.url,
      budget: AMPLE,
      l1Ttl: 50,
    });
    const states = new States(made.cache);
    const load = new Load([made.cache], { writeEvery: 4 });
    await load.during(300);
    let [flushed, queued] = [0, 0];
    for (; flushed < 30; flushed++) {
      await admin.script('FLUSH');
      if ((await made.cache.delete(`d${flushed}`)).l2 !== 'ok') queued++;
      await load.during(50);
    }
    const report = await load.stop();
    figures.count('times flushed', flushed);
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
    figures.count('changes queued', queued);
    figures.count('times away', states.count('down'), 0);
    // What is queued was late on a busy machine; what is refused would be all of them.
    expect(queued).toBeLessThan(flushed / 2);
  },
);

interface Scene {
  readonly a: TestCache;
  readonly b: TestCache;
  readonly admin: Redis;
  /** A record all processes share. */
  readonly shared: (name: string) => string;
  readonly record: (kind: 'e' | 'l' | 'w') => string;
}

/** Removes `k`, which held 'old', and loses a record around that; what is loaded meanwhile is old as well. */
const EVICTED: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'tag numbers': async ({ a, admin, shared }) => {
    await a.cache.invalidateTags(['t']);
    await admin.del(shared('tags:p'));
  },
  counter: async ({ a, admin, shared }) => {
    // Counted from one again, the bump would seem older than what it is to remove.
    await admin.del(shared('sq'));
    await a.cache.invalidateTags(['t']);
  },
  epoch: async ({ a, admin, record, shared }) => {
    const bytes = await admin.getBuffer(record('e'));
    await a.cache.delete('k');
    await admin.del(shared('ep'));
    // The next message shows it; and a late writer of before may still come.
    await a.cache.delete('another');
    await admin.set(record('e'), bytes!);
  },
  lease: async ({ a, b, admin, record }) => {
    await a.cache.delete('k');
    const [loading, loaded] = [deferred(), deferred<string>()];
    const late = a.cache.getOrSet('k', () => {
      loading.resolve();
      return loaded.promise;
    });
    await loading.promise;
    expect(await admin.del(record('l'))).toBe(1);
    await b.cache.delete('k');
    loaded.resolve('old');
    expect(await late).toBe('old');
  },
  guard: async ({ a, b, admin, record }) => {
    await a.cache.mutate({ keys: ['k'] }, async () => {
      expect(await admin.del(record('w'))).toBe(1);
      await b.cache.getOrSet('k', () => 'old');
    });
  },
};

for (const [name, lose] of Object.entries(EVICTED))
  row(
    18,
    { fault: `Redis loses a record: ${name}`, expected: 'what was removed does not come back' },
    async (figures) => {
      const namespace = freshNamespace();
      const admin = adminOf({ url: redisUrl() });
      const make = (l1 = true): Promise<TestCache> =>
        testCache({ namespace, redis: redisUrl(), budget: AMPLE, l1 });
      const [a, b] = [await make(), await make()];
      const load = new Load([a.cache], { writeEvery: 20 });
      await a.cache.getOrSet('k', () => 'old', { tags: ['t'] });
      expect(await b.cache.get('k')).toBe('old');
      const address = new Address(new Scope(namespace, 'p', 'default'), 'k');
      const shared = (record: string): string => `${namespace}:{~}:${record}`;
      await lose({ a, b, admin, shared, record: (kind) => address.scope.redisKey(kind, address) });
      // Others hear of it, by the next message or the next heartbeat.
      await expect.poll(() => b.cache.peek('k'), { timeout: 5_000 }).toBeUndefined();
      const newcomer = await make(false);
      const seen = [];
      for (let look = 0; look < 5; look++) {
        for (const { cache } of [a, b, newcomer]) seen.push(await cache.get('k'));
        await load.during(50);
      }
      const report = await load.stop();
      figures.count('seen again', seen.filter((value) => value !== undefined).length, 0);
      figures.count('failed requests', report.errors.length, 0);
      figures.count('wrong values', report.wrong, 0);
      // And it can be stored anew.
      const now = async (): Promise<unknown> => {
        await a.cache.getOrSet('k', () => 'new');
        return newcomer.cache.get('k');
      };
      await expect.poll(now).toBe('new');
    },
  );
