/** A Redis with a standby: one primary, two replicas, and three Sentinels that agree on who is the primary; clients are not made here. */
import { ask, startNode, until } from './redis-node.js';
import type { Server } from './supervisor.js';

const NAME = 'mymaster';
const DOWN_AFTER_MS = 500;

export interface Sentinel {
  /** What the Sentinels call the primary. */
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** Those with data: the first primary, then the replicas. */
  readonly nodes: readonly Server[];
  readonly sentinelServers: readonly Server[];
  /** A primary that is silent for so long is taken for gone. */
  readonly downAfter: number;
  /** Whom the Sentinels name now. */
  readonly primary: () => Promise<Server>;
  /** Makes a replica the primary although nothing is wrong; resolves with it when all Sentinels name it. */
  readonly failover: () => Promise<Server>;
  readonly stop: () => Promise<void>;
}

export async function startSentinel(): Promise<Sentinel> {
  const started: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  // One after the other: one that fails must not leave another half started behind `stop`.
  const keep = async (starting: Promise<Server>): Promise<Server> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  try {
    const quick = { 'repl-diskless-sync-delay': 0 };
    const first = await keep(startNode(quick));
    const replica = { ...quick, replicaof: `127.0.0.1 ${first.port}` };
    const nodes = [first, await keep(startNode(replica)), await keep(startNode(replica))];
    const lines = [
      `sentinel monitor ${NAME} 127.0.0.1 ${first.port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 2000`,
      `sentinel parallel-syncs ${NAME} 1`,
    ];
    const watch = { sentinel: true, lines, ready: '+monitor master' };
    const guards: Server[] = [];
    while (guards.length < 3) guards.push(await keep(startNode({}, watch)));
    for (const guard of guards)
      await until('the Sentinels did not find each other', async () => {
        const state = (await ask(guard, 'sentinel', 'master', NAME)).split('\n');
        const of = (field: string): string | undefined => state[state.indexOf(field) + 1];
        if (of('num-slaves') !== '2' || of('num-other-sentinels') !== '2') return false;
        // A replica that a Sentinel has not seen in sync would not be promoted.
        const replicas = (await ask(guard, 'sentinel', 'replicas', NAME)).split('\n');
        const linked = replicas.filter((_line, at) => replicas[at - 1] === 'master-link-status');
        return linked.length === 2 && linked.every((status) => status === 'ok');
      });
    const namedBy = async (guard: Server): Promise<Server | undefined> => {
      const said = await ask(guard, 'sentinel', 'get-master-addr-by-name', NAME).catch(() => '');
      return nodes.find(({ port }) => said.split('\n')[1] === String(port));
    };
    const primary = async (): Promise<Server> => {
      for (const guard of guards) {
        const named = await namedBy(guard);
        if (named) return named;
      }
      throw new Error('no Sentinel names a primary');
    };
    const failover = async (): Promise<Server> => {
      const before = await primary();
      const said = await ask(guards[0], 'sentinel', 'failover', NAME);
      if (said !== 'OK') throw new Error(`no failover: ${said}`);
      await until('the Sentinels did not agree on another primary', async () => {
        const named = await Promise.all(guards.map(namedBy));
        const [after] = named;
        return after !== undefined && after !== before && named.every((one) => one === after);
      });
      return primary();
    };
    const sentinels = guards.map(({ port }) => ({ host: '127.0.0.1', port }));
    return {
      name: NAME,
      sentinels,
      nodes,
      sentinelServers: guards,
      downAfter: DOWN_AFTER_MS,
      primary,
      failover,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
