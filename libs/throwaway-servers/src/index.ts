/** The door of the tool. */
export { startCluster, type RedisCluster } from './cluster.js';
export { embeddedPostgres } from './embedded.js';
export { startPgBouncer } from './pgbouncer.js';
export { ask } from './redis-node.js';
export { startRedis, startTlsRedis, type RedisOptions, type TlsServer } from './redis.js';
export { startSentinel, type Sentinel } from './sentinel.js';
export { provideServers, startPostgres, startTlsPostgres, type Provided } from './servers.js';
export { folder, freePort, Server } from './supervisor.js';
