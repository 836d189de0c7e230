/** Finds the server programs on this machine, or installs them where that is possible. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DEBIAN_POSTGRES = '/usr/lib/postgresql';
const POLICY = '/usr/sbin/policy-rc.d';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/** Path of `redis-server`; installs it on Debian and Ubuntu as root. */
export async function redisProgram(): Promise<string> {
  return provide('redis-server', () => onPath('redis-server'));
}

/** Paths of PostgreSQL's programs; installs them on Debian and Ubuntu as root. */
export async function postgresPrograms(): Promise<PostgresPrograms> {
  return provide('postgresql', findPostgres);
}

/** Path of `pgbouncer`; installs it on Debian and Ubuntu as root. */
export async function pgbouncerProgram(): Promise<string> {
  // Debian keeps it where only root's PATH looks.
  const usual = '/usr/sbin/pgbouncer';
  const find = (): string | undefined =>
    onPath('pgbouncer') ?? (executable(usual) ? usual : undefined);
  return provide('pgbouncer', find);
}

/** Path of `openssl`; installs it on Debian and Ubuntu as root. */
export async function opensslProgram(): Promise<string> {
  return provide('openssl', () => onPath('openssl'));
}

async function provide<T>(debianPackage: string, find: () => T | undefined): Promise<T> {
  const found = find();
  if (found !== undefined) return found;
  if (
    process.getuid?.() === 0 &&
    existsSync('/etc/debian_version') &&
    process.env['THROWAWAY_INSTALL'] !== 'no'
  ) {
    await install(debianPackage);
    const installed = find();
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `No ${debianPackage} here, and none could be installed. Run:  sudo apt-get install -y ${debianPackage}\n` +
      'or start one elsewhere and set REDIS_URL and DATABASE_URL.',
  );
}

function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, program)).find(executable);
}

function findPostgres(): PostgresPrograms | undefined {
  const [initdb, postgres] = [onPath('initdb'), onPath('postgres')];
  if (initdb && postgres) return { initdb, postgres };
  if (!existsSync(DEBIAN_POSTGRES)) return undefined;
  const versions = readdirSync(DEBIAN_POSTGRES).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(DEBIAN_POSTGRES, version, 'bin'))
    .map((bin) => ({ initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }))
    .find((programs) => executable(programs.initdb) && executable(programs.postgres));
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Installs without starting anything: only the programs are wanted. */
async function install(debianPackage: string): Promise<void> {
  process.stderr.write(`Installing ${debianPackage} (once) …\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const kept = `${POLICY}.kept-${process.pid}`;
  const had = existsSync(POLICY);
  if (had) await rename(POLICY, kept);
  try {
    await writeFile(POLICY, '#!/bin/sh\nexit 101\n');
    await chmod(POLICY, 0o755);
    await run('apt-get', ['update', '-q'], { env }).catch(() => undefined);
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', debianPackage], {
      env,
      maxBuffer: 2 ** 26,
    });
  } catch (error) {
    throw new Error(`apt-get could not install ${debianPackage}; run it by hand to see why`, {
      cause: error,
    });
  } finally {
    await rm(POLICY, { force: true });
    if (had) await rename(kept, POLICY);
  }
}

/** Whom PostgreSQL runs as: it refuses root. */
export async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const user =
    lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  if (!user)
    throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
