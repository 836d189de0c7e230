import { fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, startPostgres, startRedis, type Server } from 'throwaway-servers';
import { take } from '../src/supervisor.js';

const started: Server[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function keep(server: Promise<Server>): Promise<Server> {
  started.push(await server);
  return server;
}

async function redisAnswers({ url }: Server): Promise<string> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    commandTimeout: 300,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.ping();
  } finally {
    client.disconnect();
  }
}

async function postgresAnswers({ url }: Server): Promise<unknown> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 1_000,
    query_timeout: 1_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<{ one: number }>('select 1 as one')).rows[0]?.one;
  } finally {
    client.end().catch(() => undefined);
  }
}

const KINDS = [
  { name: 'redis', start: startRedis, ask: redisAnswers, answer: 'PONG' },
  { name: 'postgres', start: startPostgres, ask: postgresAnswers, answer: 1 },
] as const;

describe.each(KINDS)('a throwaway $name', ({ start, ask, answer }) => {
  it('answers on a free port, wants its password, and leaves nothing behind', async () => {
    const server = await keep(start());
    expect(await ask(server)).toBe(answer);
    expect([5432, 6379]).not.toContain(server.port);
    const stranger = { ...server, url: server.url.replace(/:[^:@]*@/, ':wrong@') } as Server;
    await expect(ask(stranger)).rejects.toThrow();
    await server.stop();
    expect(running(server.pid)).toBe(false);
    expect(existsSync(server.dir)).toBe(false);
  });

  it('is killed and comes back on the same port', async () => {
    const server = await keep(start());
    await server.kill();
    await expect(ask(server)).rejects.toThrow();
    await server.restart();
    expect(await ask(server)).toBe(answer);
  });

  it('is silent while frozen and answers when thawed', async () => {
    const server = await keep(start());
    await server.freeze();
    await expect(ask(server)).rejects.toThrow();
    await server.thaw();
    await expect.poll(() => ask(server)).toBe(answer);
  });

  it('ends cleanly also when it is frozen', async () => {
    const server = await keep(start());
    await server.freeze();
    await server.stop();
    expect(running(server.pid)).toBe(false);
  });
});

it('leaves no process and no folder when the parent is killed', async () => {
  const child = fork(new URL('./fixtures/parent.mjs', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const servers = await message<{ pid: number; dir: string }[]>(child);
  expect(servers.every(({ pid }) => running(pid))).toBe(true);
  child.kill('SIGKILL');
  for (const { pid, dir } of servers) {
    await expect.poll(() => running(pid), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => existsSync(dir), { timeout: 10_000 }).toBe(false);
  }
});

it('says what to run where no server can be had', async () => {
  const child = fork(new URL('./fixtures/nothing.mjs', import.meta.url), {
    env: { PATH: '/nonexistent', THROWAWAY_INSTALL: 'no' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  expect(await message<string>(child)).toContain('apt-get install -y redis-server');
});

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (told) => resolve(told as T));
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

function running(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a port', () => {
  it('is given once, also before anybody listens there, and to nobody while its process lives', async () => {
    const given = await Promise.all(Array.from({ length: 400 }, () => freePort()));
    expect(new Set(given).size).toBe(400);
  });

  it('of a process that has ended is given again, that of a living one is not', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'ports-')), '1');
    expect([await take(file), await take(file)]).toEqual([true, false]);
    const ended = spawn('true');
    await new Promise((resolve) => ended.once('exit', resolve));
    writeFileSync(file, String(ended.pid));
    expect([await take(file), await take(file)]).toEqual([false, true]);
  });
});
