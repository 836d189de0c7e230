// Which Redis and PostgreSQL answer.
import { Redis } from 'ioredis';
import pg from 'pg';
import { startPostgres, startRedis } from 'throwaway-servers';

export async function serverVersions() {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  try {
    return [
      ['Redis', await redisVersion(redis.url)],
      ['PostgreSQL', await postgresVersion(postgres.url)],
    ];
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}

async function redisVersion(url) {
  const client = new Redis(url);
  const info = await client.info('server');
  client.disconnect();
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
}

async function postgresVersion(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query('show server_version');
  await client.end();
  return rows[0].server_version.split(' ')[0];
}
