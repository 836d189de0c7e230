/** A server in a container, where there is a Docker engine; gone with this process, however that ends. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { folder, freePort, Server } from 'throwaway-servers';

const run = promisify(execFile);

/** Rejects where no engine answers. */
export async function startContainer(
  image: string,
  inside: number,
  environment: readonly string[],
  ready: string,
): Promise<Server> {
  await run('docker', ['info'], { timeout: 5_000 });
  const port = await freePort();
  const settings = environment.flatMap((setting) => ['-e', setting]);
  return Server.start({
    name: image,
    // In the foreground: the signal that ends the client ends the container.
    command: ['docker', 'run', '--rm', '-p', `127.0.0.1:${port}:${inside}`, ...settings, image],
    dir: await folder('docker'),
    port,
    url: `tcp://127.0.0.1:${port}`,
    signal: 'TERM',
    ready,
  });
}
