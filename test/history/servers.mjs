// The real servers of one run, and what an application process needs to reach them.
import { startCluster, startPostgres, startRedis, startSentinel } from 'throwaway-servers';
import { startProxy } from './proxy.mjs';

/** Starts what the fault needs; `l2(process)` and `l3` are options of the module, `stop` ends all of it. */
export async function startServers({ shape, proxied }, { database, processes }) {
  const started = [];
  const keep = (one) => (started.push(one), one);
  const stop = async () => {
    for (const one of started.toReversed()) await one.stop();
  };
  try {
    const postgres = database ? keep(await startPostgres()) : undefined;
    const common = { postgres, l3: postgres ? { url: postgres.url } : false, stop };
    if (shape === 'sentinel') {
      const sentinel = keep(await startSentinel());
      const l2 = () => ({ sentinels: sentinel.sentinels, name: sentinel.name });
      return { ...common, sentinel, l2 };
    }
    if (shape === 'cluster') {
      const cluster = keep(await startCluster());
      return { ...common, cluster, l2: () => ({ cluster: cluster.nodes }) };
    }
    const redis = keep(await startRedis());
    const proxies = [];
    while (proxied && proxies.length < processes) proxies.push(keep(await startProxy(redis.port)));
    const l2 = (process) => {
      const url = new URL(redis.url);
      if (proxied) url.port = String(proxies[process].port);
      return { url: url.href };
    };
    return { ...common, redis, proxies, l2 };
  } catch (error) {
    await stop();
    throw error;
  }
}
