/** Two ioredis connections with settings that fail fast and never replay an old write; nothing of the protocol here. */
import type { Redis, RedisOptions } from 'ioredis';
import type { Clock } from '../../core/clock.js';
import { CacheError } from '../../core/errors.js';
import type { L2Options } from '../../core/options.js';
import type { Script } from './scripts.js';

const CONNECT_MS = 1_000;
/** A server that is silent this long while it owes a reply is taken for gone. */
const SILENCE_MS = 1_000;
/** While the oldest reply is this late, further commands are refused at once instead of piling up. */
const SUSPECT_MS = 200;
const LONGEST_RETRY_MS = 1_000;
export const BLOCK_MS = 1_000;

type Argument = string | number | Buffer;

/** Makes a client; the package is looked for only now, so that applications without L2 need not install it. */
export async function createClient(options: L2Options, role: 'commands' | 'tail'): Promise<Redis> {
  const { Redis: Client } = await import('ioredis').catch((cause: unknown) => {
    throw new CacheError(
      'CACHE_CONFIG_INVALID',
      'l2 needs the package ioredis: npm install ioredis',
      { cause },
    );
  });
  const settings: RedisOptions = {
    lazyConnect: true,
    // Both would send old writes again after an outage.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    socketTimeout: role === 'tail' ? BLOCK_MS + 1_500 : SILENCE_MS,
    keepAlive: 10_000,
    noDelay: true,
    retryStrategy: (times) => 20 + Math.random() * Math.min(2 ** times * 25, LONGEST_RETRY_MS),
    // After a failover the old master says READONLY: connect anew, and do not send the command again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    connectionName: `mlc-${role}`,
    ...(options.host === undefined ? {} : { host: options.host, port: options.port ?? 6379 }),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.db === undefined ? {} : { db: options.db }),
    ...(options.tls === undefined || options.tls === false
      ? {}
      : { tls: options.tls === true ? {} : options.tls }),
  };
  return options.url === undefined ? new Client(settings) : new Client(options.url, settings);
}

/** Sends commands and refuses them while replies are overdue. */
export class Commands {
  #pending = 0;
  /** When the reply that is waited for longest became due; moves on with every reply. */
  #since = 0;

  constructor(
    readonly client: Redis,
    readonly clock: Clock,
  ) {}

  /** Runs a script by its hash, and by its text where the server does not know it yet. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.call('EVALSHA', script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.call('EVAL', script.lua, keys.length, ...keys, ...args);
    }
  }

  /** Replies are buffers. */
  async call(command: string, ...args: readonly Argument[]): Promise<unknown> {
    const now = this.clock.now();
    if (this.#pending > 0 && now - this.#since > SUSPECT_MS) throw unavailable('Redis is silent');
    if (this.#pending++ === 0) this.#since = now;
    try {
      return await this.client.callBuffer(command, ...args);
    } finally {
      this.#pending--;
      this.#since = this.clock.now();
    }
  }
}

export function unavailable(why: string): CacheError {
  return new CacheError('CACHE_TIER_UNAVAILABLE', why);
}

/** What an operator has to know of a failed connection; never an address, a name or a password. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  if (/WRONGPASS|NOAUTH|invalid password|invalid username/i.test(text))
    return 'authentication failed';
  if (/NOPERM/.test(text)) return 'a required command is not permitted';
  if (/unknown command/i.test(text)) return 'a required command is missing';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^E[A-Z]+$/.test(code) ? `not reachable (${code})` : 'not reachable';
}
