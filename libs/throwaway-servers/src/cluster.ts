/** A Redis Cluster: three masters, each with a replica that takes over when it is gone; slots move when they are told to. */
import { ask, redisCli, startNode, until, type RedisSettings } from './redis-node.js';
import { freePort, type Server } from './supervisor.js';

const NODES = 6;
const MASTERS = 3;

export interface RedisCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly servers: readonly Server[];
  /** Those that hold slots now. */
  readonly masters: () => Promise<readonly Server[]>;
  /** The master of the slot this key lives in. */
  readonly masterOf: (key: string) => Promise<Server>;
  /**
   * Moves the slot of this key with all that is in it to another master, as a reshard does; `halfway` is called while each of
   * the two masters has a part of it.
   */
  readonly moveSlot: (key: string, to: Server, halfway?: () => Promise<unknown>) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts one; with settings of the caller's over ours. */
export async function startCluster(over: RedisSettings = {}): Promise<RedisCluster> {
  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (let node = 0; node < NODES; node++)
      servers.push(
        await startNode({
          'cluster-enabled': 'yes',
          'cluster-node-timeout': 1_500,
          // The default is the port + 10,000, which may be none.
          'cluster-port': await freePort(),
          'repl-diskless-sync-delay': 0,
          ...over,
        }),
      );
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    const create = [
      '--cluster',
      'create',
      ...addresses,
      '--cluster-replicas',
      '1',
      '--cluster-yes',
    ];
    await redisCli(servers[0], create, 30_000);
    for (const server of servers)
      await until('the cluster did not form', async () => {
        const [info, nodes] = [await ask(server, 'cluster', 'info'), await nodesOf(server)];
        return info.includes('cluster_state:ok') && nodes.filter(isMaster).length === MASTERS;
      });
    for (const server of servers)
      await until('the replicas did not connect', async () => {
        const info = await ask(server, 'info', 'replication');
        return /master_link_status:up|connected_slaves:1/.test(info);
      });
    const masterOf = async (key: string): Promise<Server> => {
      const living = await firstLiving(servers);
      const slot = Number(await ask(living, 'cluster', 'keyslot', key));
      const line = (await nodesOf(living)).filter(isMaster).find((node) => holds(node, slot));
      return servers.find(({ port }) => line?.includes(`:${port}@`)) ?? servers[0];
    };
    return {
      nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      servers,
      masters: () => mastersOf(servers),
      masterOf,
      moveSlot: async (key, to, halfway) => {
        const from = await masterOf(key);
        if (from === to) return;
        const others = (await mastersOf(servers)).filter((one) => one !== from && one !== to);
        await moveSlot(await ask(from, 'cluster', 'keyslot', key), { from, to, others }, halfway);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The steps that the documentation of `CLUSTER SETSLOT` asks for, in its order. */
async function moveSlot(
  slot: string,
  { from, to, others }: { from: Server; to: Server; others: readonly Server[] },
  halfway: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const [source, target] = [await ask(from, 'cluster', 'myid'), await ask(to, 'cluster', 'myid')];
  await order(to, 'cluster', 'setslot', slot, 'importing', source);
  await order(from, 'cluster', 'setslot', slot, 'migrating', target);
  const keys = await keysIn(from, slot);
  const half = keys.slice(0, Math.ceil(keys.length / 2));
  await migrate(from, to, half);
  await halfway();
  for (let rest = await keysIn(from, slot); rest.length > 0; rest = await keysIn(from, slot))
    await migrate(from, to, rest);
  for (const server of [to, from, ...others])
    await order(server, 'cluster', 'setslot', slot, 'node', target);
}

async function keysIn(server: Server, slot: string): Promise<string[]> {
  const text = await ask(server, 'cluster', 'getkeysinslot', slot, '1000');
  return text.split('\n').filter(Boolean);
}

async function migrate(from: Server, { port }: Server, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const where = ['127.0.0.1', String(port), '', '0', '5000', 'keys'];
  const said = await ask(from, 'migrate', ...where, ...keys);
  // Whatever had a life may have ended meanwhile.
  if (said !== 'OK' && said !== 'NOKEY') throw new Error(`not migrated: ${said}`);
}

/** redis-cli ends well also where the server refuses. */
async function order(server: Server, ...command: string[]): Promise<void> {
  const said = await ask(server, ...command);
  if (said !== 'OK') throw new Error(`${command.join(' ')}: ${said}`);
}

async function mastersOf(servers: readonly Server[]): Promise<readonly Server[]> {
  const lines = (await nodesOf(await firstLiving(servers))).filter(isMaster);
  return servers.filter(({ port }) => lines.some((line) => line.includes(`:${port}@`)));
}

async function firstLiving(servers: readonly Server[]): Promise<Server> {
  for (const server of servers) {
    if ((await ask(server, 'ping').catch(() => '')) === 'PONG') return server;
  }
  throw new Error('no node of the cluster answers');
}

async function nodesOf(server: Server): Promise<string[]> {
  return (await ask(server, 'cluster', 'nodes')).split('\n');
}

function isMaster(line: string): boolean {
  return /[, ]master[, ]|myself,master/.test(line) && !line.includes('fail');
}

function holds(line: string, slot: number): boolean {
  return line
    .split(' ')
    .slice(8)
    .some((range) => {
      const [from, to = from] = range.split('-').map(Number);
      return slot >= from && slot <= to;
    });
}
