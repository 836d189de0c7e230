/** Where the demo's PostgreSQL comes from. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { embeddedPostgres, freePort, startPostgres } from 'throwaway-servers';
import { startContainer } from './docker.js';
import { firstOf, nothing, type Found } from './source.js';

export function findPostgres(env: NodeJS.ProcessEnv): Promise<Found> {
  const url = env['DATABASE_URL'];
  const sources = {
    given: async () => (url ? { says: 'given by DATABASE_URL', url, stop: nothing } : undefined),
    // On PATH, in Debian's folder, or from Debian's packages where this is root.
    program: async () => {
      const server = await startPostgres();
      return { says: 'a PostgreSQL of its own', url: server.url, stop: () => server.stop() };
    },
    embedded,
    docker,
    pglite,
  };
  return firstOf('DEMO_POSTGRES', sources, env['DEMO_POSTGRES']);
}

async function embedded(): Promise<Found | undefined> {
  const programs = await embeddedPostgres();
  if (!programs) return undefined;
  const { copied, version } = programs;
  const server = await startPostgres(programs);
  const stop = async (): Promise<void> => {
    await server.stop();
    if (copied) await rm(dirname(copied), { recursive: true, force: true });
  };
  return { says: `PostgreSQL ${version} from npm`, url: server.url, stop };
}

async function docker(): Promise<Found> {
  const password = randomBytes(12).toString('hex');
  const container = await startContainer(
    'postgres:17',
    5432,
    [`POSTGRES_PASSWORD=${password}`],
    'PostgreSQL init process complete',
  );
  return {
    says: 'a container of postgres:17',
    url: `postgres://postgres:${password}@127.0.0.1:${container.port}/postgres`,
    stop: () => container.stop(),
  };
}

/** PostgreSQL compiled to WebAssembly, within this process: enough for the cache's own table. */
async function pglite(): Promise<Found> {
  const [{ PGlite }, { PGLiteSocketServer }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite-socket'),
  ]);
  const db = await PGlite.create();
  const port = await freePort();
  const server = new PGLiteSocketServer({ db, port, host: '127.0.0.1' });
  await server.start();
  const stop = async (): Promise<void> => {
    await server.stop();
    await db.close();
  };
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  return { says: 'PGlite, in this process', url, single: true, stop };
}
