/** One redis-server process with settings of the caller's, and questions to it; which processes make up a shape is not known here. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { redisProgram } from './programs.js';
import { folder, freePort, Server } from './supervisor.js';

const run = promisify(execFile);

/** Settings as they stand in redis.conf. */
export type RedisSettings = Readonly<Record<string, string | number>>;

interface NodeOptions {
  readonly password?: string;
  readonly scheme?: 'redis' | 'rediss';
  readonly dir?: string;
  readonly sentinel?: boolean;
  /** Settings that occur more than once. */
  readonly lines?: readonly string[];
  /** Put behind the file on the command line, so they win. */
  readonly args?: readonly string[];
  readonly ready?: string;
}

/** Starts one redis-server with these settings. */
export async function startNode(more: RedisSettings, options: NodeOptions = {}): Promise<Server> {
  const { password, scheme = 'redis', sentinel = false, lines = [], args = [] } = options;
  const program = await redisProgram();
  const [dir, port] = [options.dir ?? (await folder('redis')), await freePort()];
  const settings = {
    bind: '127.0.0.1',
    port: scheme === 'redis' ? port : 0,
    ...(scheme === 'rediss' ? { 'tls-port': port } : {}),
    dir,
    daemonize: 'no',
    ...(sentinel ? {} : { save: '""', appendonly: 'no' }),
    ...more,
  };
  const text = [...Object.entries(settings).map(([name, value]) => `${name} ${value}`), ...lines];
  // In a file, so that the password is not in the list of processes.
  const file = join(dir, 'redis.conf');
  await writeFile(file, `${text.join('\n')}\n`, { mode: 0o600 });
  const access = password === undefined ? '' : `default:${encodeURIComponent(password)}@`;
  return Server.start({
    name: 'redis-server',
    command: [program, file, ...(sentinel ? ['--sentinel'] : []), ...args],
    dir,
    port,
    url: `${scheme}://${access}127.0.0.1:${port}`,
    signal: 'TERM',
    ready: options.ready ?? 'Ready to accept connections',
  });
}

/** What a Redis without a password answers to one command, as text; a frozen one is an error. */
export function ask(server: { readonly port: number }, ...command: string[]): Promise<string> {
  return redisCli(server, command, 3_000);
}

/** Runs redis-cli for no longer than `timeout` milliseconds. */
export async function redisCli(
  { port }: { readonly port: number },
  command: readonly string[],
  timeout: number,
): Promise<string> {
  const program = (await redisProgram()).replace(/redis-server$/, 'redis-cli');
  const where = ['-h', '127.0.0.1', '-p', String(port)];
  const { stdout } = await run(program, [...where, ...command], { timeout, killSignal: 'SIGKILL' });
  return stdout.trim();
}

/** Asks until `found` says yes; throws after half a minute. */
export async function until(what: string, found: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    if (await found().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} within 30 s`);
}
