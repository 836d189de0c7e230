/** Where the demo's Redis comes from. */
import { startRedis } from 'throwaway-servers';
import { startContainer } from './docker.js';
import { firstOf, nothing, type Found } from './source.js';

export function findRedis(env: NodeJS.ProcessEnv): Promise<Found> {
  const url = env['REDIS_URL'];
  const sources = {
    given: async () => (url ? { says: 'given by REDIS_URL', url, stop: nothing } : undefined),
    // On PATH, or from Debian's packages where this is root.
    program: async () => {
      const server = await startRedis();
      return { says: 'a redis-server of its own', url: server.url, stop: () => server.stop() };
    },
    docker: async () => {
      const container = await startContainer('redis:7', 6379, [], 'Ready to accept connections');
      const address = `redis://127.0.0.1:${container.port}`;
      return { says: 'a container of redis:7', url: address, stop: () => container.stop() };
    },
  };
  return firstOf('DEMO_REDIS', sources, env['DEMO_REDIS']);
}
