/** What the demo runs on: servers it is given, finds, brings along or does without. Says which, and leaves none behind. */
import { findPostgres } from './postgres.js';
import { findRedis } from './redis.js';
import type { Found } from './source.js';

export interface Servers {
  readonly redis: Found;
  readonly postgres: Found;
  stop(): Promise<void>;
}

export async function findServers(env: NodeJS.ProcessEnv): Promise<Servers> {
  const [redis, postgres] = await Promise.all([findRedis(env), findPostgres(env)]);
  const stop = async (): Promise<void> => {
    await Promise.all([redis.stop(), postgres.stop()]);
  };
  return { redis, postgres, stop };
}
