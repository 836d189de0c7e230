/** Single Redis servers: with a password, over TLS, or with settings of the caller's. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { redisProgram } from './programs.js';
import { folder, freePort, Server } from './supervisor.js';

const run = promisify(execFile);

/** Settings as they stand in redis.conf. */
export type RedisSettings = Readonly<Record<string, string | number>>;

/** Starts a Redis without persistence and with a random password. */
export async function startRedis(more: RedisSettings = {}): Promise<Server> {
  const password = randomBytes(12).toString('hex');
  return startNode({ requirepass: password, ...more }, { password });
}

/** A Redis that speaks TLS only, and the certificate of the authority that signed for it. */
export async function startTlsRedis(): Promise<{ readonly server: Server; readonly ca: string }> {
  const dir = await folder('redis-tls');
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
  ];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
  await run('openssl', [...made, '-keyout', key, '-out', certificate]);
  const password = randomBytes(12).toString('hex');
  const tls = {
    requirepass: password,
    'tls-cert-file': certificate,
    'tls-key-file': key,
    'tls-ca-cert-file': certificate,
    'tls-auth-clients': 'no',
  };
  const server = await startNode(tls, { password, scheme: 'rediss', dir });
  return { server, ca: await readFile(certificate, 'utf8') };
}

interface NodeOptions {
  readonly password?: string;
  readonly scheme?: 'redis' | 'rediss';
  readonly dir?: string;
  readonly sentinel?: boolean;
  readonly lines?: readonly string[];
  readonly ready?: string;
}

/** Starts one redis-server with these settings. */
export async function startNode(more: RedisSettings, options: NodeOptions = {}): Promise<Server> {
  const { password, scheme = 'redis', sentinel = false, lines = [] } = options;
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
  const access = password === undefined ? '' : `default:${password}@`;
  return Server.start({
    name: 'redis-server',
    command: [program, file, ...(sentinel ? ['--sentinel'] : [])],
    dir,
    port,
    url: `${scheme}://${access}127.0.0.1:${port}`,
    signal: 'TERM',
    ready: options.ready ?? 'Ready to accept connections',
  });
}

/** What a Redis answers to one command, as text. */
export async function ask(
  { port }: { readonly port: number },
  ...command: string[]
): Promise<string> {
  const program = (await redisProgram()).replace(/redis-server$/, 'redis-cli');
  const { stdout } = await run(program, ['-h', '127.0.0.1', '-p', String(port), ...command]);
  return stdout.trim();
}

/** Asks until `found` says yes; throws after half a minute. */
export async function until(what: string, found: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await found().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} within 30 s`);
}
