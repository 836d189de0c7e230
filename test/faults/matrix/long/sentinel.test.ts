/** The primary of a Sentinel set is replaced: on demand, because it is silent, and with writes that nobody else has heard. */
import { ask, startSentinel, type Sentinel } from 'throwaway-servers';
import { expect } from 'vitest';
import { testCache, type TestCache, type TestCacheOptions } from '../../../support/cache.js';
import { endAfterEach, kept, later } from '../../../support/ends.js';
import { databaseUrl, freshNamespace, type Server } from '../../../support/servers.js';
import { Load } from '../load.js';
import { Outage } from '../outage.js';
import { row, type Figures } from '../row.js';
import { unharmed, untilUp } from '../stage.js';

const BUDGET = 20;

endAfterEach();

function madeOn(
  { name, sentinels }: Sentinel,
  namespace: string,
  more?: Partial<TestCacheOptions>,
): Promise<TestCache> {
  return testCache({ namespace, budget: BUDGET, l2: { sentinels, name }, ...more });
}

/** For how long no invalidation was taken, and what requests have seen meanwhile. */
async function replaced(
  figures: Figures,
  figure: string,
  bound: number,
  replace: (fleet: Sentinel) => Promise<unknown>,
): Promise<void> {
  const fleet = await kept(startSentinel());
  const { cache } = await madeOn(fleet, freshNamespace(), { database: databaseUrl() });
  const load = new Load([cache], { ttl: 50, writeEvery: 20 });
  later(() => load.stop());
  const writes = new Outage(cache);
  later(() => writes.stop());
  await load.during(1_000);
  const before = await fleet.primary();
  await replace(fleet);
  await expect.poll(() => fleet.primary(), { timeout: 20_000 }).not.toBe(before);
  await writes.over();
  const during = await load.during(500);
  const filled = cache.stats().tiers.l2.writes;
  await expect
    .poll(() => cache.stats().tiers.l2.writes, { timeout: 10_000 })
    .toBeGreaterThan(filled);
  figures.ms(figure, writes.longest, bound);
  figures.ms('p99 of the app meanwhile', during.p99);
  unharmed(figures, during, await load.stop());
}

row(
  25,
  {
    fault: 'SENTINEL FAILOVER under load',
    expected: 'connects to the new primary; no failed request, nothing deleted comes back',
  },
  (figures) => replaced(figures, 'write outage', 2_000, (fleet) => fleet.failover()),
);

row(
  26,
  {
    fault: 'Sentinel: the primary is frozen under load',
    expected: 'writes resume within down-after + 3 s; no failed request',
  },
  (figures) => {
    // As long as Sentinel waits, and three seconds.
    const bound = 3_500;
    return replaced(figures, 'writes resume after', bound, async (fleet) => {
      expect(fleet.downAfter + 3_000).toBe(bound);
      const frozen = await fleet.primary();
      await frozen.freeze();
      later(() => frozen.thaw());
    });
  },
);

/** The primary has done what no replica will ever hear of, and is gone. */
async function loseTail(fleet: Sentinel, change: () => Promise<unknown>): Promise<void> {
  const primary = await fleet.primary();
  // So that they have what came before.
  expect(await ask(primary, 'wait', '2', '2000')).toBe('2');
  const replicas = fleet.nodes.filter((node) => node !== primary);
  await Promise.all(replicas.map((replica) => replica.freeze()));
  await ask(primary, 'client', 'kill', 'type', 'replica');
  await change();
  await primary.kill();
  await Promise.all(replicas.map((replica) => replica.thaw()));
}

const TAILS = [
  {
    fault: 'Sentinel: a delete is lost in a failover, its issuer lives',
    expected: 'a new epoch, or made again before anything is read',
    issuerDies: false,
    witness: true,
    failover: 'warm',
  },
  {
    fault: 'Sentinel: a delete is lost in a failover, its issuer is gone, another has heard of it',
    expected: 'a new epoch: all of L2 is invalid',
    issuerDies: true,
    witness: true,
    failover: 'warm',
  },
  {
    fault: 'Sentinel: a delete is lost in a failover, and nobody lives who knows; failover: cold',
    expected: 'a new epoch: all of L2 is invalid',
    issuerDies: true,
    witness: false,
    failover: 'cold',
  },
] as const;

for (const { fault, expected, issuerDies, witness, failover } of TAILS)
  row(27, { fault, expected: `${expected}; stale after sync 0` }, async (figures) => {
    const fleet = await kept(startSentinel());
    const namespace = freshNamespace();
    const { name, sentinels } = fleet;
    const make = (): Promise<TestCache> =>
      madeOn(fleet, namespace, { l2: { name, sentinels, failover }, mayBeDown: true });
    const issuer = await make();
    const instances = [issuer, ...(witness ? [await make()] : [])];
    for (const { cache } of instances) await cache.getOrSet('k', () => 'old');
    await issuer.cache.drain();
    /** How many are served what was deleted. */
    const look = async (): Promise<number> => {
      const answers = await Promise.all(instances.map(({ cache }) => cache.get('k')));
      return answers.filter((answer) => answer === 'old').length;
    };
    await loseTail(fleet, async () => {
      expect(await issuer.cache.delete('k')).toMatchObject({ l2: 'ok' });
      await expect.poll(look).toBe(0);
      if (issuerDies) await instances.shift()!.close();
    });
    const lost = performance.now();
    let stale = 0;
    const primary = async (): Promise<Server> => {
      stale += await look();
      return fleet.primary();
    };
    await expect.poll(primary, { timeout: 20_000, interval: 20 }).not.toBe(fleet.nodes[0]);
    for (const instance of instances) await untilUp(instance, 'l2');
    const newcomer = await make();
    instances.push(newcomer);
    await untilUp(newcomer, 'l2');
    figures.ms('in sync after', performance.now() - lost);
    for (let times = 0; times < 20; times++) stale += await look();
    figures.count('stale values', stale, 0);
  });
