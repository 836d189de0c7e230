/** The servers of this test run; a test that kills or freezes one starts its own. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type {} from './global-setup.js';

export {
  startCluster,
  startPgBouncer,
  startPostgres,
  startRedis,
  startSentinel,
  startTlsPostgres,
  startTlsRedis,
  type Server,
} from 'throwaway-servers';

export function redisUrl(): string {
  return inject('redisUrl');
}

export function databaseUrl(): string {
  return inject('databaseUrl');
}

/** A namespace no other test uses. */
export function freshNamespace(): string {
  return `t-${randomBytes(6).toString('hex')}`;
}

/** An empty database of one's own on the shared server. */
export async function freshDatabase(): Promise<string> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: databaseUrl() });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(databaseUrl());
  url.pathname = `/${name}`;
  return url.href;
}
