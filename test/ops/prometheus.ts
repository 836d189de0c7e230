/** Finds Prometheus and promtool on this machine, or unpacks Debian's package; and runs a Prometheus of one's own. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folder, freePort, Server } from 'throwaway-servers';
import { onPath } from '../support/on-path.js';

const run = promisify(execFile);
const CACHE = new URL('../../node_modules/.cache/prometheus/', import.meta.url).pathname;
const UNPACKED = join(CACHE, 'debian');

export type PrometheusProgram = 'prometheus' | 'promtool';

/** Path of one of the two; rejects where it cannot be had, with what to run. */
export async function prometheusProgram(name: PrometheusProgram): Promise<string> {
  const found = find(name);
  if (found) return found;
  if (existsSync('/etc/debian_version')) await unpack();
  const unpacked = find(name);
  if (!unpacked)
    throw new Error(
      `No ${name} here. Run:  sudo apt-get install -y prometheus   or put it on PATH.`,
    );
  return unpacked;
}

/** A running Prometheus with this configuration (JSON is YAML) and a folder of its own; ends with this process. */
export async function startPrometheus(config: object): Promise<Server> {
  const program = await prometheusProgram('prometheus');
  const [dir, port] = [await folder('prometheus'), await freePort()];
  try {
    const file = join(dir, 'prometheus.yaml');
    await writeFile(file, JSON.stringify(config));
    return await Server.start({
      name: 'prometheus',
      command: [
        program,
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      dir,
      port,
      url: `http://127.0.0.1:${port}`,
      signal: 'TERM',
      ready: 'Server is ready to receive web requests',
    });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Not installed, unpacked: nothing of it is started, now or when the machine is, and no user is made. */
async function unpack(): Promise<void> {
  process.stderr.write('Unpacking prometheus (once) …\n');
  await mkdir(CACHE, { recursive: true });
  const dir = await mkdtemp(join(CACHE, 'unpacking-'));
  try {
    const download = (): Promise<unknown> =>
      run('apt-get', ['download', '-q', 'prometheus'], { cwd: dir });
    // Only root may update the lists, and they may be there already.
    await download().catch(async () => {
      await run('apt-get', ['update', '-q']).catch(() => undefined);
      await download();
    });
    const file = (await readdir(dir)).find((name) => name.endsWith('.deb'));
    await run('dpkg', ['-x', join(dir, file ?? ''), join(dir, 'root')]);
    // Another test may have been faster.
    await rename(join(dir, 'root'), UNPACKED).catch(() => undefined);
  } catch (error) {
    throw new Error('apt-get could not download prometheus; run it by hand to see why', {
      cause: error,
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function find(name: PrometheusProgram): string | undefined {
  return onPath([name], join(UNPACKED, 'usr/bin'));
}
