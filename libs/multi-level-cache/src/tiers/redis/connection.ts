/** ioredis clients with settings that fail fast and never replay an old write; nothing of the protocol here. */
import type { Stream } from 'node:stream';
import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { CacheError } from '../../core/errors.js';
import type { L2Options, RedisClientLike } from '../../core/options.js';
import type { Trouble } from '../../core/tier.js';
import { slotOf } from './slot.js';

const CONNECT_MS = 1_000;
/** A server that is silent this long while it owes a reply is taken for gone. */
const SILENCE_MS = 1_000;
const LONGEST_RETRY_MS = 1_000;
/** After a failover, for as long as one connection reaches the master of before. */
export const TWO_SERVERS = 'two servers are taken for the master';
export const BLOCK_MS = 1_000;

/** One connection, to a single server or what Sentinel names as its master, or one to a whole cluster. */
export type Client = Redis | Cluster;
type Role = 'commands' | 'tail';
type Settings = RedisOptions & { replyMapping?: 'legacy' };

/** Whether these options lead to a cluster; known before it is contacted. */
export function areOfCluster({ client, cluster }: L2Options): boolean {
  return client ? client.isCluster : cluster !== undefined;
}

/** Makes a client; the package is looked for only now, so that applications without L2 need not install it. */
export async function createClient(
  options: L2Options,
  role: Role,
  random: () => number,
): Promise<Client> {
  const settings = { ...safeSettings(role, random), ...(await accessOf(options)) };
  if (options.client) return keepCredentials(duplicate(options.client, settings), options);
  const ioredis = await import('ioredis').catch((cause: unknown) => {
    throw new CacheError(
      'CACHE_CONFIG_INVALID',
      'l2 needs the package ioredis: npm install ioredis',
      { cause },
    );
  });
  const { url, host, port, sentinels, name, cluster } = options;
  if (cluster)
    return keepCredentials(
      new ioredis.Cluster(cluster as ClusterNode[], clusterSettings(settings)),
      options,
    );
  if (url !== undefined) return keepCredentials(new ioredis.Redis(url, settings), options);
  const target = sentinels
    ? { sentinels: [...sentinels], name, failoverDetector: true }
    : { host, port: port ?? 6379 };
  return keepCredentials(new ioredis.Redis({ ...settings, ...(target as RedisOptions) }), options);
}

function safeSettings(role: Role, random: () => number): Settings {
  const retryStrategy = (times: number): number =>
    20 + random() * Math.min(2 ** times * 25, LONGEST_RETRY_MS);
  return {
    lazyConnect: true,
    // Both would send old writes again after an outage.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    socketTimeout: role === 'tail' ? BLOCK_MS + 1_500 : SILENCE_MS,
    keepAlive: 10_000,
    noDelay: true,
    retryStrategy,
    // Also where Sentinel is asked for the master: the first answers after a failover come from the wrong side of it.
    sentinelRetryStrategy: retryStrategy,
    // After a failover the old master says READONLY: connect anew, and do not send the command again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    connectionName: `mlc-${role}`,
    // Names of keys are spelled here, and replies keep the shape they have in RESP2.
    keyPrefix: '',
    replyMapping: 'legacy',
  };
}

function clusterSettings(settings: Settings): ClusterOptions {
  return {
    redisOptions: settings,
    lazyConnect: true,
    enableOfflineQueue: false,
    // 0 = a command whose node went away is refused at once instead of being sent to the next master later.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnMoved: 50,
    slotsRefreshTimeout: 3_000,
    slotsRefreshInterval: 2_000,
    scaleReads: 'master',
    clusterRetryStrategy: settings.retryStrategy,
  };
}

/** A connection of our own to where the application's client is connected; that client itself is never touched. */
function duplicate(client: RedisClientLike, settings: Settings): Client {
  const given = client as unknown as Client;
  if (!given.isCluster) return (given as Redis).duplicate(settings);
  const own = (given as Cluster).options.redisOptions ?? {};
  return (given as Cluster).duplicate([], clusterSettings({ ...own, ...settings }));
}

async function accessOf(options: L2Options): Promise<Settings> {
  const { username, password, db, tls } = { ...options, ...(await options.credentials?.()) };
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { db }),
    ...(tls === undefined || tls === false ? {} : { tls: tls === true ? {} : tls }),
  };
}

/** Asks the callback again after every lost connection, so that rotated credentials are used by the next one. */
function keepCredentials(client: Client, { credentials }: L2Options): Client {
  if (!credentials) return client;
  client.on('close', () => {
    const target = client.isCluster ? (client as Cluster).options.redisOptions : client.options;
    void Promise.resolve()
      .then(credentials)
      .then(
        (fresh) => Object.assign(target ?? {}, fresh),
        // The old ones are tried once more, and the failure is told as one of authentication.
        () => undefined,
      );
  });
  return client;
}

/** A cluster connects a master when it is first asked, and refuses whatever else is asked until that is done. */
export async function connectMasters(client: Client): Promise<void> {
  if (client.isCluster) await Promise.all((client as Cluster).nodes('master').map(connected));
}

/** Resolves also where it fails: the other masters serve without this one. */
function connected(node: Redis): Promise<void> {
  if (node.status === 'ready') return Promise.resolve();
  return new Promise((resolve) => {
    node.once('ready', resolve);
    node.once('end', resolve);
    if (node.status === 'wait') node.connect().catch(() => resolve());
  });
}

/**
 * ioredis 5 goes on timing the silence of a connection that has ended, and ends the next one for it; 6 does so no more. To be
 * called when one has ended.
 */
export function forgetSilence(client: Client): void {
  const timed = client as unknown as { socketTimeoutTimer: NodeJS.Timeout | undefined };
  clearTimeout(timed.socketTimeoutTimer);
  timed.socketTimeoutTimer = undefined;
}

/** Ends a client. A TLS handshake cut off fails when ioredis listens no more, and an error that nobody hears ends the process. */
export function endClient(client: Client): void {
  const connections = client.isCluster ? (client as Cluster).nodes('all') : [client as Redis];
  for (const { stream } of connections)
    (stream as Stream | undefined)?.on('error', () => undefined);
  client.disconnect();
}

export function unavailable(why: string): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', why);
}

/** What an operator has to know of a failed connection or command; never an address, a name or a password. */
export function troubleOf(error: unknown): Trouble {
  const text = error instanceof Error ? error.message : '';
  const mend = (reason: string): Trouble => ({ reason, config: true });
  if (/WRONGPASS|NOAUTH|invalid password|invalid username|without any password/i.test(text))
    return mend('authentication failed');
  const needs = /needs ([a-z, ]+)$/.exec(text)?.[1];
  if (needs !== undefined) return mend(`refusing required commands: ${needs}`);
  const command = /'([a-z|]{1,40})' command/i.exec(text)?.[1];
  const named = command === undefined ? '' : `: ${command.toLowerCase()}`;
  if (/NOPERM/.test(text)) return mend(`refusing a required command${named}`);
  if (/unknown command/i.test(text)) return mend(`without a required command${named}`);
  if (text.includes('WRONGTYPE')) return mend('a record of the cache is something else');
  if (text.includes('OOM command not allowed')) return { reason: 'it is full (maxmemory)' };
  if (text.startsWith('READONLY')) return { reason: 'it takes no writes' };
  if (text.startsWith('LOADING')) return { reason: 'it is loading its data' };
  if (text.startsWith('MISCONF')) return { reason: 'it cannot save its data (MISCONF)' };
  if (text.endsWith(TWO_SERVERS)) return { reason: TWO_SERVERS };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/CERT|SSL|TLS|SIGNATURE/.test(code)) return mend(`refusing TLS, or not trusted (${code})`);
  return { reason: /^E[A-Z]+$/.test(code) ? `not reachable (${code})` : 'not reachable' };
}

/** Names of the masters of a cluster. */
export function mastersOf(client: Client): string {
  if (!client.isCluster) return '';
  return (client as Cluster).nodes('master').map(nameOf).sort().join();
}

/** The name of the node of a cluster that has this key; one name for all where there is one server. */
export function nodeOf(client: Client, key: string): string {
  return client.isCluster ? ((client as Cluster).slots[slotOf(key)]?.[0] ?? '') : '';
}

/** The connection to the server that has this key: a command without one goes to any node. */
export function serverOf(client: Client, key: string): Redis | undefined {
  return serverNamed(client, nodeOf(client, key));
}

export function serverNamed(client: Client, name: string): Redis | undefined {
  if (!client.isCluster) return client as Redis;
  return (client as Cluster).nodes('master').find((node) => nameOf(node) === name);
}

function nameOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}
