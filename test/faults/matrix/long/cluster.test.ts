/** A cluster loses a master, or moves its slots, under load: what is not there does not matter to what is. */
import { ask, startCluster, type RedisCluster } from 'throwaway-servers';
import { expect } from 'vitest';
import { Address, Scope } from '../../../../libs/multi-level-cache/src/core/key.js';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach, kept, later } from '../../../support/ends.js';
import { freshNamespace, type Server } from '../../../support/servers.js';
import { Load, type Report } from '../load.js';
import { Outage } from '../outage.js';
import { row } from '../row.js';
import { unharmed } from '../stage.js';

const BUDGET = 20;
/** So many keys of each master are changed all the time. */
const CHANGING = 8;
const KEYS = Array.from({ length: 150 }, (_zero, at) => `k${at}`);

endAfterEach();

/** A cluster, a cache without L1 on it, and where its keys are. */
class Fleet {
  static async start(): Promise<Fleet> {
    // By default all of its nodes refuse everything for as long as one shard has no master.
    const cluster = await kept(startCluster({ 'cluster-require-full-coverage': 'no' }));
    const namespace = freshNamespace();
    const l2 = { cluster: cluster.nodes };
    const made = await testCache({ namespace, l1: false, budget: BUDGET, l2 });
    return new Fleet(cluster, made, namespace);
  }

  private constructor(
    readonly cluster: RedisCluster,
    readonly made: TestCache,
    readonly namespace: string,
  ) {}

  entryOf(key: string): string {
    return new Address(new Scope(this.namespace, 'p', 'default'), key).entryKey;
  }

  get stream(): string {
    return `${this.namespace}:{~}:st`;
  }

  async keysOfMasters(): Promise<Map<Server, string[]>> {
    const its = new Map<Server, string[]>();
    for (const key of KEYS) {
      const master = await this.cluster.masterOf(this.entryOf(key));
      its.set(master, [...(its.get(master) ?? []), key]);
    }
    return its;
  }
}

/** Requests for keys of one master, of the others, and of all where some are changed all the time. */
class Loads {
  readonly lost: Load;
  readonly living: Load;
  readonly changing: Load;

  constructor({ cache }: TestCache, keys: ReadonlyMap<Server, readonly string[]>, victim: Server) {
    const lists = [...keys.values()];
    const of = (those: readonly (readonly string[])[]): string[] =>
      those.flatMap((list) => list.slice(CHANGING));
    const its = keys.get(victim)!;
    this.lost = new Load([cache], { names: of([its]), perSecond: 100 });
    this.living = new Load([cache], {
      names: of(lists.filter((list) => list !== its)),
      perSecond: 100,
    });
    const names = lists.flatMap((list) => list.slice(1, CHANGING));
    this.changing = new Load([cache], { names, perSecond: 50, writeEvery: 5 });
  }

  async during(ms: number): Promise<Seen> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    const { lost, living, changing } = this;
    const all = await Promise.all([lost.next(), living.next(), changing.next()]);
    return { lost: all[0], living: all[1], all };
  }

  async stop(): Promise<Report[]> {
    const { lost, living, changing } = this;
    return Promise.all([lost.stop(), living.stop(), changing.stop()]);
  }
}

interface Seen {
  readonly lost: Report;
  readonly living: Report;
  readonly all: readonly Report[];
}

const VICTIMS = [
  { how: 'killed', ofStream: false },
  { how: 'frozen', ofStream: false },
  { how: 'killed', ofStream: true },
  { how: 'frozen', ofStream: true },
] as const;

for (const { how, ofStream } of VICTIMS)
  row(
    29,
    {
      fault: `Cluster: ${ofStream ? 'the master with the stream' : 'a master'} is ${how} under load`,
      expected: ofStream
        ? 'no failed request, nothing deleted comes back; used again'
        : 'other shards as before; no failed request, nothing deleted comes back',
    },
    async (figures) => {
      const fleet = await Fleet.start();
      const keys = await fleet.keysOfMasters();
      const stream = await fleet.cluster.masterOf(fleet.stream);
      const victim = ofStream ? stream : [...keys.keys()].find((master) => master !== stream)!;
      const loads = new Loads(fleet.made, keys, victim);
      later(() => loads.stop());
      const cold = await loads.during(1_500);
      const before = await loads.during(500);
      // One key of every master.
      const probes = [...keys.values()].map(([key]) => key);
      const writes = new Outage(fleet.made.cache, probes);
      later(() => writes.stop());
      if (how === 'killed') await victim.kill();
      else await victim.freeze();
      later(() => (how === 'killed' ? victim.restart() : victim.thaw()));
      const silent = await loads.during(1_000);
      await expect
        .poll(async () => (await fleet.cluster.masters()).includes(victim), {
          timeout: 20_000,
          // Each look starts a few processes.
          interval: 300,
        })
        .toBe(false);
      await writes.over();
      const replaced = await loads.during(500);
      figures.ms('write outage', writes.longest);
      figures.ms('p99 of its shard', silent.lost.p99, BUDGET + 10);
      figures.ms('p99 of its shard in the failover', replaced.lost.p99, BUDGET + 10);
      figures.ms('p99 of others before', before.living.p99);
      figures.ms('p99 of others', silent.living.p99, ofStream ? undefined : BUDGET);
      figures.ms(
        'p99 of others in the failover',
        replaced.living.p99,
        ofStream ? undefined : BUDGET + 10,
      );
      // A reply that comes late is a load as well, and on a busy machine some do.
      const some = ofStream ? undefined : silent.living.requests / 10;
      figures.count('loads of others', silent.living.loads, some);
      figures.share(
        'loads of others in the failover',
        replaced.living.loads / replaced.living.requests,
      );
      unharmed(
        figures,
        ...[cold, before, silent, replaced].flatMap(({ all }) => all),
        ...(await loads.stop()),
      );
    },
  );

/** How often the nodes have sent somebody elsewhere. */
async function redirects({ servers }: RedisCluster): Promise<number> {
  let sum = 0;
  for (const server of servers) {
    const text = await ask(server, 'info', 'errorstats');
    for (const [, count] of text.matchAll(/^errorstat_(?:MOVED|ASK|TRYAGAIN):count=(\d+)/gm))
      sum += Number(count);
  }
  return sum;
}

row(
  30,
  {
    fault: 'Cluster: slots move to another master under load, that of the stream too',
    expected: 'no failed request, no wrong value, no storm of redirects',
  },
  async (figures) => {
    const fleet = await Fleet.start();
    const { cluster, made } = fleet;
    const load = new Load([made.cache], { names: KEYS, writeEvery: 10, perSecond: 300 });
    later(() => load.stop());
    const before = await load.during(1_000);
    const sent = await redirects(cluster);
    const [first, second] = await cluster.masters();
    const moving = [...KEYS.slice(0, 30).map((key) => fleet.entryOf(key)), fleet.stream];
    const began = performance.now();
    for (const key of moving) {
      const to = (await cluster.masterOf(key)) === first ? second : first;
      await cluster.moveSlot(key, to, () => new Promise((resolve) => setTimeout(resolve, 50)));
    }
    const seconds = (performance.now() - began) / 1_000;
    const during = await load.next();
    const redirected = (await redirects(cluster)) - sent;
    const after = await load.during(1_000);
    figures.count('slots moved', moving.length);
    figures.count('redirects', redirected, during.requests);
    figures.count('redirects a second', Math.round(redirected / seconds));
    figures.ms('p99 before', before.p99);
    figures.ms('p99 meanwhile', during.p99, BUDGET * 2);
    figures.ms('p99 after', after.p99);
    figures.share('loads meanwhile', during.loads / during.requests);
    figures.share('loads after', after.loads / after.requests);
    unharmed(figures, before, during, after, await load.stop());
    for (const key of KEYS) {
      expect((await made.cache.delete(key)).l2).toBe('ok');
      await made.cache.getOrSet(key, () => 'stored');
      expect(await made.cache.get(key)).toBe('stored');
    }
  },
);
