/** A PgBouncer in front of a PostgreSQL, lending connections for one transaction at a time. */
import { execFile } from 'node:child_process';
import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pgbouncerProgram, unprivilegedUser } from './programs.js';
import { folder, freePort, Server } from './supervisor.js';

const run = promisify(execFile);

/** Starts one; clients use the user and password of `databaseUrl`. */
export async function startPgBouncer(databaseUrl: string): Promise<Server> {
  const program = await pgbouncerProgram();
  const target = new URL(databaseUrl);
  const [user, password] = [target.username, target.password].map(decodeURIComponent);
  const database = target.pathname.slice(1);
  const [dir, port, owner] = [
    await folder('pgbouncer'),
    await freePort(),
    await unprivilegedUser(),
  ];
  try {
    const [settings, users] = [join(dir, 'pgbouncer.ini'), join(dir, 'users.txt')];
    const lines = [
      '[databases]',
      `${database} = host=${target.hostname} port=${target.port} dbname=${database}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'pool_mode = transaction',
      'auth_type = plain',
      `auth_file = ${users}`,
      'max_client_conn = 100',
      'default_pool_size = 4',
      'ignore_startup_parameters = extra_float_digits',
      ...(await withoutPreparedStatements(program)),
    ];
    await writeFile(settings, `${lines.join('\n')}\n`, { mode: 0o600 });
    await writeFile(users, `${quoted(user)} ${quoted(password)}\n`, { mode: 0o600 });
    if (owner)
      await Promise.all([dir, settings, users].map((path) => chown(path, owner.uid, owner.gid)));
    return await Server.start({
      name: 'pgbouncer',
      command: [program, settings],
      dir,
      port,
      url: `postgres://${target.username}:${target.password}@127.0.0.1:${port}/${database}`,
      signal: 'QUIT',
      ready: 'process up',
      user: owner,
    });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Versions before 1.21 know no such setting and end at it; they have none of these statements anyway. */
async function withoutPreparedStatements(program: string): Promise<string[]> {
  const { stdout } = await run(program, ['--version']);
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number);
  return major > 1 || minor >= 21 ? ['max_prepared_statements = 0'] : [];
}

function quoted(text = ''): string {
  return `"${text.replaceAll('"', '""')}"`;
}
