/** Races that only several Redis servers have: replicas that lag, a failover that forgets a delete, a change in two steps. */
import { Cluster } from 'ioredis';
import { ask, startCluster, startSentinel } from 'throwaway-servers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { Commands } from '../../libs/multi-level-cache/src/tiers/redis/commands.js';
import { CHANGE } from '../../libs/multi-level-cache/src/tiers/redis/scripts.js';
import { testCache, type TestCache, type TestCacheOptions } from '../support/cache.js';
import { freshNamespace, type Server } from '../support/servers.js';
import { endNodes, TWO_PROCESSES, type Node } from './nodes.js';

endNodes();

interface Fleet {
  readonly l2: Partial<L2Options>;
  /** An application's client that reads from replicas, where there are any to read from. */
  readonly reader?: () => Promise<Cluster>;
  readonly servers: readonly Server[];
  masterOf(key: string): Promise<Server>;
  stop(): Promise<void>;
}

async function sentinel(): Promise<Fleet> {
  const { name, nodes, primary, sentinels, stop } = await startSentinel();
  return { l2: { sentinels, name }, servers: nodes, masterOf: primary, stop };
}

async function cluster(): Promise<Fleet> {
  const { masterOf, nodes, servers, stop } = await startCluster();
  const reader = async (): Promise<Cluster> => {
    const client = new Cluster([...nodes], { scaleReads: 'slave', slotsRefreshInterval: 100 });
    const served = (): number => client.slots.filter((those) => those.length > 1).length;
    await expect.poll(served, { timeout: 20_000 }).toBe(SLOTS);
    return client;
  };
  return { l2: { cluster: nodes }, reader, servers, masterOf, stop };
}

const SLOTS = 16_384;
const KEYS = Array.from({ length: 60 }, (_zero, index) => `k${index}`);

let fleet: Fleet;
let namespace: string;
const make = (more?: Partial<TestCacheOptions>): Promise<TestCache> =>
  testCache({ namespace, l2: fleet.l2, budget: 50, mayBeDown: true, ...more });
const entryOf = (key: string): string =>
  new Address(new Scope(namespace, 'p', 'default'), key).entryKey;

async function replicasOf(master: Server): Promise<Server[]> {
  const found: Server[] = [];
  for (const server of fleet.servers) {
    // One that is gone is nobody's.
    const [role, , port] = (await ask(server, 'role').catch(() => '')).split('\n');
    if (role === 'slave' && Number(port) === master.port) found.push(server);
  }
  return found;
}

/** The master has done what its replicas will never hear of, and is gone. */
async function loseTail(master: Server, change: () => Promise<unknown>): Promise<void> {
  const replicas = await replicasOf(master);
  await Promise.all(replicas.map((replica) => replica.freeze()));
  await ask(master, 'client', 'kill', 'type', 'replica');
  await change();
  await master.kill();
  await Promise.all(replicas.map((replica) => replica.thaw()));
}

/** Its replicas have this key as well. */
async function replicated(master: Server, key: string): Promise<void> {
  for (const replica of await replicasOf(master))
    await expect.poll(() => ask(replica, 'keys', key)).toBe(key);
}

describe.each([
  { on: 'Sentinel', start: sentinel },
  { on: 'a cluster', start: cluster },
])('on $on', { timeout: 60_000 }, ({ on, start }) => {
  beforeAll(async () => {
    fleet = await start();
  });
  beforeEach(() => {
    namespace = freshNamespace();
  });
  afterAll(() => fleet.stop());

  it('R12: replicas lag, values are read: no replica was asked', async () => {
    // Where its own reads may be old, the application's client says so; ours may not be.
    const reader = await fleet.reader?.();
    const made = await make({ l1: false, ...(reader ? { l2: { client: reader } } : {}) });
    for (const key of KEYS) await made.cache.getOrSet(key, () => 'value');
    for (const key of KEYS) expect(await made.cache.get(key)).toBe('value');
    expect((await made.cache.getMany(KEYS)).size).toBe(KEYS.length);
    const answered = /cmdstat_(get|mget|eval|evalsha|xread):/;
    for (const server of fleet.servers) {
      const [role] = (await ask(server, 'role')).split('\n');
      const stats = await ask(server, 'info', 'commandstats');
      if (role === 'slave') expect(stats).not.toMatch(answered);
    }
    reader?.disconnect();
  });

  it.runIf(on === 'a cluster')(
    'R9: delete in B has removed the entry, B is silent before it tells: L2 has nothing, A’s memory only until its ttl',
    async () => {
      const [a, b] = [await make({ l1Ttl: 300 }), await make()];
      await a.cache.getOrSet('k', () => 'old');
      // oxlint-disable-next-line typescript/unbound-method -- called with its owner below
      const run = Commands.prototype.run;
      const spy = vi.spyOn(Commands.prototype, 'run').mockImplementation(function (
        this: Commands,
        ...[script, keys, args]
      ) {
        const told = script === CHANGE && args[2] === 'd';
        return told ? new Promise(() => undefined) : Reflect.apply(run, this, [script, keys, args]);
      });
      void b.cache.delete('k');
      const newcomer = await make();
      await expect.poll(() => newcomer.cache.get('k')).toBeUndefined();
      await expect.poll(() => a.cache.get('k')).toBeUndefined();
      spy.mockRestore();
    },
  );

  it('connections break, and nobody has moved: not even a cold start forgets anything', async () => {
    const made = await make({ l1: false, l2: { ...fleet.l2, failover: 'cold' } });
    for (const key of KEYS) await made.cache.getOrSet(key, () => 'value');
    const state = (): string => made.cache.stats().tiers.l2.state;
    let losses = 0;
    made.cache.on('tier', (event) => {
      if (event.state === 'down') losses++;
    });
    for (let times = 0; times < 4; times++) {
      for (const server of fleet.servers) await ask(server, 'client', 'kill', 'type', 'normal');
      await expect.poll(() => losses).toBeGreaterThan(times);
      await expect.poll(state, { timeout: 5_000 }).toBe('up');
    }
    await expect.poll(async () => (await made.cache.getMany(KEYS)).size).toBe(KEYS.length);
  });

  // The last ones: each costs the fleet a master.
  const losses = [
    { where: 'with the number of the delete', beside: true },
    ...(on === 'a cluster' ? [{ where: 'and its number is kept elsewhere', beside: false }] : []),
  ];
  it.each(losses)(
    'R11: delete is acknowledged, its master dies before a replica hears, $where: nobody is served the old value',
    async ({ beside }) => {
      const start = (): Promise<Node> => TWO_PROCESSES.start({ namespace, redis: fleet.l2 });
      const [a, b] = [await start(), await start()];
      const master = await fleet.masterOf(`${namespace}:{~}:st`);
      let [key, neighbour] = ['', ''];
      let dying = master;
      for (const other of KEYS) {
        const its = await fleet.masterOf(entryOf(other));
        if ((its === master) !== beside || (key !== '' && its !== dying)) continue;
        [key, neighbour, dying] = [other, key, its];
      }
      await a.ask('getOrSet', { key, value: 'old' });
      await replicated(dying, entryOf(key));
      await loseTail(dying, async () =>
        expect(await a.ask('delete', key)).toMatchObject({ l2: 'ok' }),
      );
      await expect
        .poll(() => a.ask('delete', neighbour), { timeout: 30_000, interval: 100 })
        .toMatchObject({ l2: 'ok' });
      for (const node of [a, b, await start()]) {
        // Answers of L2, not that there is none.
        const state = async (): Promise<string> => ((await node.ask('states', key)) as string[])[1];
        await expect.poll(state, { timeout: 20_000, interval: 100 }).toMatch(/absent|invalid/);
        expect(await node.ask('get', key)).toBeUndefined();
      }
    },
  );
});
