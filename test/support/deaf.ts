/** An instance that hears nothing of others: its memory, and what it knows of tags, stay as they are. */
import { Redis, type RedisOptions } from 'ioredis';
import type { L2Options } from '../../libs/multi-level-cache/src/core/options.js';
import { redisUrl } from './servers.js';

/** Way to the shared Redis on which no message ever comes. */
export function deaf(): Partial<L2Options> {
  const duplicate = (settings: RedisOptions): Redis => {
    const client = new Redis(redisUrl(), settings);
    if (settings.connectionName === 'mlc-tail') client.xread = () => new Promise(() => undefined);
    return client;
  };
  return { client: { isCluster: false, duplicate } };
}
