/** A network to Redis that cuts off, cuts up, goes silent, or loses what goes one way. */
import { expect } from 'vitest';
import { Address, Scope } from '../../../../libs/multi-level-cache/src/core/key.js';
import { testCache, type TestCache } from '../../../support/cache.js';
import { atEnd, endAfterEach } from '../../../support/ends.js';
import type { FaultProxy } from '../../../support/fault-proxy.js';
import type { Direction } from '../../../support/proxy.js';
import { databaseUrl, freshNamespace, redisUrl } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, AMPLE, COMMANDS, States, wayTo } from '../setting.js';

endAfterEach();

async function begin(
  budget = AMPLE,
): Promise<{ way: FaultProxy; made: TestCache; namespace: string }> {
  const way = await wayTo({ url: redisUrl() });
  const namespace = freshNamespace();
  const made = await testCache({
    namespace,
    redis: way.url,
    database: databaseUrl(),
    budget,
    l1: false,
  });
  return { way, made, namespace };
}

row(
  9,
  {
    fault: 'replies of Redis in frames of one byte, and broken off by RST',
    expected: 'understood, or a clean miss; never another key’s value',
  },
  async (figures) => {
    // A byte for each turn of the event loop that serves the load as well.
    const { way, made } = await begin(500);
    const { cache } = made;
    const load = new Load([cache], {
      perSecond: 100,
      writeEvery: 20,
      keys: 20,
      padding: 'p'.repeat(100),
    });
    await load.during(500);
    const end = way.worsen({ requests: { slice: 32 }, replies: { slice: 1 } });
    const hits = (): number => cache.stats().tiers.l2.hits;
    const before = hits();
    const sliced = await load.during(1_500);
    const share = (hits() - before) / sliced.requests;
    figures.share('answered by Redis in frames of one byte', share);
    end();
    let resets = 0;
    const breaking = setInterval(() => {
      if (cache.stats().tiers.l2.state === 'up')
        void way.resetMidReply(COMMANDS).then(() => resets++);
    }, 100);
    atEnd(() => Promise.resolve(clearInterval(breaking)));
    const broken = await load.during(2_000);
    clearInterval(breaking);
    await load.stop();
    figures.count('resets in the middle of a reply', resets);
    figures.count('values of another key or older', sliced.wrong + broken.wrong, 0);
    figures.count('entries taken for corrupt', cache.stats().tiers.l2.corrupt, 0);
    figures.count('failed requests', sliced.errors.length + broken.errors.length, 0);
    figures.ms('p99 of the app', broken.p99);
    expect(share).toBeGreaterThan(0.5);
    expect(resets).toBeGreaterThan(5);
  },
);

row(
  10,
  {
    fault: 'the connection for commands is half-open',
    expected: 'noticed by its silence, ended and made anew',
  },
  async (figures) => {
    const { way, made } = await begin();
    const states = new States(made.cache);
    const load = new Load([made.cache], { writeEvery: 20 });
    await load.during(500);
    const dead = performance.now();
    way.halfOpen({ text: COMMANDS, since: 'before' });
    const opened = (): number | undefined => states.since(dead, false);
    await expect.poll(opened, { interval: 1, timeout: 5_000 }).toBeDefined();
    const back = (): number | undefined => states.since(opened()!, true);
    await expect.poll(back, { interval: 1, timeout: 10_000 }).toBeDefined();
    figures.ms('noticed after', opened()! - dead, 2 * AMPLE);
    figures.ms('ms to recover', back()! - dead, 2_500);
    // What is owed is paid first.
    const taken = async (): Promise<string> => (await made.cache.delete('any')).l2;
    await expect.poll(taken, { timeout: 5_000 }).toBe('ok');
    const report = await load.stop();
    figures.ms('p99 of the app', report.p99);
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
  },
);

const LOST: readonly Direction[] = ['requests', 'replies'];
for (const lost of LOST)
  row(
    12,
    {
      fault: `all ${lost} on the way to Redis are lost`,
      expected: 'nothing is told to be done that is not known to be; all of it is made up for',
    },
    async (figures) => {
      const { way, made, namespace } = await begin();
      const { cache } = made;
      const newcomer = await testCache({ namespace, redis: redisUrl(), database: databaseUrl() });
      const admin = adminOf({ url: redisUrl() });
      const load = new Load([cache]);
      const keys = Array.from({ length: 60 }, (_zero, at) => `k${at}`);
      for (const key of keys) await cache.getOrSet(key, () => 'old');
      await cache.drain();
      const scope = new Scope(namespace, 'p', 'default');
      const held = async (key: string): Promise<boolean> =>
        (await admin.exists(new Address(scope, key).entryKey)) === 1;
      expect((await Promise.all(keys.map(held))).every(Boolean)).toBe(true);
      const end = way.worsen({ [lost]: { drop: true } }, { text: COMMANDS });
      let [acknowledged, falsely, queued] = [0, 0, 0];
      for (const key of keys) {
        const { l2 } = await cache.delete(key);
        if (l2 === 'queued') queued++;
        else acknowledged++;
        if (l2 === 'ok' && (await held(key))) falsely++;
        await load.during(20);
      }
      end();
      await expect
        .poll(async () => (await cache.delete('another')).l2, { timeout: 10_000 })
        .toBe('ok');
      const paid = async (): Promise<number> =>
        (await Promise.all(keys.map(held))).filter(Boolean).length;
      await expect.poll(paid, { timeout: 5_000 }).toBe(0);
      const seen = [];
      for (const one of [cache, newcomer.cache])
        for (const key of keys) seen.push(await one.get(key));
      const report = await load.stop();
      figures.count('false acknowledgements', falsely, 0);
      figures.count('queued', queued);
      figures.count(
        'deleted, and seen again',
        seen.filter((value) => value !== undefined).length,
        0,
      );
      figures.count('failed requests', report.errors.length, 0);
      expect([queued, acknowledged]).toEqual([keys.length, 0]);
    },
  );
