/** Real PostgreSQL of one's own, and both servers for whoever needs them: free port, temporary folder, random password. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { certify } from './certificate.js';
import { postgresPrograms, unprivilegedUser, type PostgresPrograms } from './programs.js';
import { startRedis } from './redis.js';
import { folder, freePort, Server } from './supervisor.js';

const run = promisify(execFile);

type PostgresSettings = Readonly<Record<string, string>>;

/** Starts a PostgreSQL with one user named `throwaway`; with the programs given, or those of this machine, and settings over ours. */
export async function startPostgres(
  programs?: PostgresPrograms,
  over: PostgresSettings | ((dir: string) => Promise<PostgresSettings>) = {},
): Promise<Server> {
  const { initdb, postgres } = programs ?? (await postgresPrograms());
  const user = await unprivilegedUser();
  const [dir, port, password] = [
    await folder('postgres'),
    await freePort(),
    randomBytes(12).toString('hex'),
  ];
  try {
    const passwordFile = join(dir, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (user) await Promise.all([dir, passwordFile].map((path) => chown(path, user.uid, user.gid)));
    const data = join(dir, 'data');
    const init = [
      '-D',
      data,
      '-U',
      'throwaway',
      '-E',
      'UTF8',
      '--locale=C',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--no-sync',
    ];
    await run(initdb, init, { cwd: dir, ...user });
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: dir,
      max_connections: '200',
      // Throwaway data: nothing is to survive the machine.
      fsync: 'off',
      full_page_writes: 'off',
      ...(typeof over === 'function' ? await over(dir) : over),
    };
    return await Server.start({
      name: 'postgres',
      command: [
        postgres,
        '-D',
        data,
        '-p',
        String(port),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      dir,
      port,
      url: `postgres://throwaway:${password}@127.0.0.1:${port}/postgres`,
      signal: 'QUIT',
      ready: 'ready to accept connections',
      user,
    });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** The same with TLS beside plain connections, and the PEM of the authority that signed its certificate. */
export async function startTlsPostgres(): Promise<{
  readonly server: Server;
  readonly ca: string;
}> {
  let trusted = '';
  const server = await startPostgres(undefined, async (dir) => {
    const { key, certificate, ca } = await certify(dir);
    trusted = ca;
    const user = await unprivilegedUser();
    // It takes no key that others can read.
    if (user) await Promise.all([key, certificate].map((path) => chown(path, user.uid, user.gid)));
    return { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key };
  });
  return { server, ca: trusted };
}

/** Both servers: those given by `REDIS_URL` and `DATABASE_URL`, or own ones. */
export interface Provided {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** Ends what was started here; given servers are left alone. */
  stop(): Promise<void>;
}

/** Finds or starts both servers; throws an error that names the command to run where none can be had. */
export async function provideServers(env: NodeJS.ProcessEnv = process.env): Promise<Provided> {
  const started: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const given = async (url: string | undefined, start: () => Promise<Server>): Promise<string> => {
    if (url) return url;
    const server = await start();
    started.push(server);
    return server.url;
  };
  try {
    const redisUrl = await given(env['REDIS_URL'], () => startRedis());
    const databaseUrl = await given(env['DATABASE_URL'], () => startPostgres());
    return { redisUrl, databaseUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
