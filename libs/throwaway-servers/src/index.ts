/** The door of the tool. */
export { provideServers, startPostgres, startRedis, type Provided } from './servers.js';
export { freePort, Server } from './supervisor.js';
