/** How the tier connects: what the application has said, and what the tier's statements want. */
import type pg from 'pg';
import type { ClientConfig, PoolConfig } from 'pg';
import { CacheError } from '../../core/errors.js';
import type { DataSourceLike, L3Options } from '../../core/options.js';

/** A connection that has not come by then, ms. */
export const CONNECT_MS = 1_000;
/** When pg gives one up: its timer holds against the server that the process stood still, so that the pool has one of its own before. */
const GIVEN_UP_MS = 3 * CONNECT_MS;
/** The tables are always met by their keys, and planning anew costs more than most statements. */
const ONE_PLAN =
  '-c plan_cache_mode=force_generic_plan -c jit=off -c enable_hashjoin=off -c enable_mergejoin=off';
/** With row-level security the planner takes tables for smaller than they are, and would read all of them, for each key. */
const ONE_PLAN_WALLED = `${ONE_PLAN} -c enable_seqscan=off`;

/** Settings of a pool of our own. */
export function poolConfig(options: L3Options): PoolConfig {
  return {
    ...clientConfig(options),
    connectionTimeoutMillis: GIVEN_UP_MS,
    max: options.poolSize,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    application_name: 'multi-level-cache',
  };
}

/** Settings of the connection that hears what others change. */
export function listenerConfig(options: L3Options): ClientConfig {
  return { ...clientConfig(options), application_name: 'multi-level-cache listener' };
}

/** The package, which an application without this tier need not have. */
export async function packagePg(): Promise<Pick<typeof pg, 'Client' | 'Pool' | 'Query'>> {
  const found = await import('pg').catch((cause: unknown) => {
    throw new CacheError('CACHE_CONFIG_INVALID', 'l3 needs the package pg: npm install pg', {
      cause,
    });
  });
  return found.default;
}

function clientConfig(options: L3Options): PoolConfig {
  const given = connectionOf(options);
  const plan = options.rowSecurity ? ONE_PLAN_WALLED : ONE_PLAN;
  // A pooler refuses settings, and keeps no plans for its statements.
  const settings = options.poolerMode
    ? {}
    : { options: [given.options ?? '', plan].join(' ').trim() };
  return { ...given, ...settings, connectionTimeoutMillis: CONNECT_MS, keepAlive: true };
}

function connectionOf({ url, dataSource }: L3Options): PoolConfig {
  if (url !== undefined) return { connectionString: url };
  return dataSource ? typeormConnection(dataSource) : {};
}

/** Only the settings: the application's own pool and its transactions are never touched. */
function typeormConnection({ options }: DataSourceLike): PoolConfig {
  const given = options as unknown as Readonly<Record<string, unknown>>;
  const config: Record<string, unknown> = { ...(given['extra'] as object | undefined) };
  const settings = {
    url: 'connectionString',
    host: 'host',
    port: 'port',
    username: 'user',
    password: 'password',
    database: 'database',
    ssl: 'ssl',
  };
  for (const [from, to] of Object.entries(settings))
    if (given[from] !== undefined) config[to] = given[from];
  return config;
}
