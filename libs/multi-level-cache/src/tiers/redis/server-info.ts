/** Asks the servers of Redis what they say of themselves, for advice: INFO, and who the user is. What is not told is left out. */
import type { Cluster, Redis } from 'ioredis';
import type { Client } from './connection.js';
import { isRefused } from './session.js';

/** Lines of INFO by name, with what else is known of a server. */
export interface ServerInfo {
  readonly info: ReadonlyMap<string, string>;
  /** The user is `default`, and may do more than the cache needs. */
  readonly isDefaultUser: boolean;
}

/**
 * One question to each master, and one more where no user is named. A plain INFO: several sections at a time are known since
 * Redis 7 only.
 *
 * @throws what the last server said, where none answered and one of them was not to be asked
 */
export async function askServers(client: Client): Promise<readonly ServerInfo[]> {
  const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  const asked = await Promise.allSettled(nodes.map(ask));
  const told = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = asked.find((one) => one.status === 'rejected');
  if (told.length === 0 && failed) throw failed.reason;
  return told;
}

async function ask(node: Redis): Promise<ServerInfo> {
  const [text, user] = await Promise.all([orRefused(node, 'INFO'), userOf(node)]);
  return { info: linesOf(text), isDefaultUser: user === 'default' };
}

/** Who is somebody else is not asked, for a user with the rules of `redisAclRules` may not ask. */
function userOf(node: Redis): Promise<string> {
  const named = !['', 'default'].includes(node.options.username ?? '');
  return named ? Promise.resolve('') : orRefused(node, 'ACL', 'WHOAMI');
}

async function orRefused(node: Redis, name: string, ...args: string[]): Promise<string> {
  try {
    return String(await node.callBuffer(name, ...args));
  } catch (error) {
    if (isRefused(error)) return '';
    throw error;
  }
}

/** What is behind the first colon, line by line; headings have none. */
export function linesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value] as const),
  );
}
