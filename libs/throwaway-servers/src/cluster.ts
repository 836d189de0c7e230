/** A Redis Cluster: three masters, each with a replica that takes over when it is gone; slots are not moved here. */
import { ask, redisCli, startNode, until } from './redis-node.js';
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
  readonly stop: () => Promise<void>;
}

export async function startCluster(): Promise<RedisCluster> {
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
    return {
      nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      servers,
      masters: () => mastersOf(servers),
      masterOf: async (key) => {
        const living = await firstLiving(servers);
        const slot = Number(await ask(living, 'cluster', 'keyslot', key));
        const line = (await nodesOf(living)).filter(isMaster).find((node) => holds(node, slot));
        return servers.find(({ port }) => line?.includes(`:${port}@`)) ?? servers[0];
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
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
