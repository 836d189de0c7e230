/** A single Redis with a password, over TLS where asked; several that belong together are in files of their own. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { certify } from './certificate.js';
import { startNode } from './redis-node.js';
import { folder, type Server } from './supervisor.js';

export interface RedisOptions {
  /** Random by default. */
  readonly password?: string;
  /** More arguments of redis-server, such as `['--maxmemory', '8mb']`. */
  readonly args?: readonly string[];
  /** TLS only, with a certificate of its own. */
  readonly tls?: true;
}

export interface TlsServer extends Server {
  /** PEM of the authority that signed its certificate. */
  readonly ca: string;
}

/** Starts a Redis without persistence. */
export function startRedis(options: RedisOptions & { readonly tls: true }): Promise<TlsServer>;
export function startRedis(options?: RedisOptions): Promise<Server>;
export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  const { password = randomBytes(12).toString('hex'), args = [], tls } = options;
  const settings = { requirepass: JSON.stringify(password) };
  return tls ? startTls(settings, { password, args }) : startNode(settings, { password, args });
}

/** The same with TLS, server and authority apart. */
export async function startTlsRedis(): Promise<{ readonly server: Server; readonly ca: string }> {
  const server = await startRedis({ tls: true });
  return { server, ca: server.ca };
}

async function startTls(
  settings: { readonly requirepass: string },
  access: { readonly password: string; readonly args: readonly string[] },
): Promise<TlsServer> {
  const dir = await folder('redis-tls');
  try {
    const { key, certificate, ca } = await certify(dir);
    const tls = {
      ...settings,
      'tls-cert-file': certificate,
      'tls-key-file': key,
      'tls-ca-cert-file': certificate,
      'tls-auth-clients': 'no',
    };
    return Object.assign(await startNode(tls, { ...access, scheme: 'rediss', dir }), { ca });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}
