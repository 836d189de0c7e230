/** The demo on machines that lack servers: it answers, says what it runs on, and leaves no process behind. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { freePort } from 'throwaway-servers';
import { afterEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const MAIN = new URL('../../dist/apps/demo/main.js', import.meta.url).pathname;
const TRAFFIC = new URL('../../apps/demo/traffic.mjs', import.meta.url).pathname;
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

interface Demo {
  readonly url: string;
  readonly child: ChildProcess;
  readonly log: () => string;
}

let running: ChildProcess | undefined;
afterEach(() => {
  running?.kill('SIGKILL');
});

async function start(env: Record<string, string>, user: object = {}): Promise<Demo> {
  const port = await freePort();
  const { REDIS_URL: _redis, DATABASE_URL: _database, ...rest } = process.env;
  const child = spawn(process.execPath, [MAIN], {
    cwd: '/',
    env: {
      ...rest,
      HOME: '/tmp',
      PORT: String(port),
      DEMO_CITIES: '2000',
      THROWAWAY_INSTALL: 'no',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  running = child;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(
      () =>
        fetch(`${url}/health`).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 40_000 },
    )
    .toBe(200);
  return { url, child, log: () => text };
}

/** Processes that were started by this one, or by those. */
function family(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return [
          [Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0])] as const,
        ];
      } catch {
        return [];
      }
    });
  const found = [root];
  for (const at of found) for (const [pid, parent] of parents) if (parent === at) found.push(pid);
  return found.slice(1);
}

function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function expectAnswers({ url }: Demo): Promise<void> {
  const ask = async (): Promise<string | null> =>
    (await fetch(`${url}/countries/AE`)).headers.get('x-cache');
  expect(await ask()).toBe('loader');
  expect(await ask()).toBe('l1');
}

async function servers({ url }: Demo): Promise<unknown> {
  const { details } = (await (await fetch(`${url}/health`)).json()) as {
    details: { servers: unknown };
  };
  return details.servers;
}

describe.each([
  ['as who runs the tests', {}],
  ['as a user without rights', NOBODY],
])('%s', (_who, user) => {
  it.each(['SIGINT', 'SIGKILL'] as const)(
    'brings PostgreSQL from npm, and leaves no process after %s',
    async (signal) => {
      const demo = await start({ DEMO_POSTGRES: 'embedded' }, user);
      await expectAnswers(demo);
      expect(await servers(demo)).toMatchObject({
        postgres: expect.stringMatching(/^PostgreSQL 18\.\d.* from npm$/),
        redis: 'a redis-server of its own',
      });
      expect(demo.log()).toMatch(/PostgreSQL: PostgreSQL 18\S* from npm/);
      const processes = family(demo.child.pid!);
      expect(processes.length).toBeGreaterThan(3);
      demo.child.kill(signal);
      await expect.poll(() => processes.filter(alive), { timeout: 15_000 }).toEqual([]);
    },
    60_000,
  );

  it('runs on PGlite alone', async () => {
    const demo = await start({ DEMO_POSTGRES: 'pglite', DEMO_REDIS: 'off' }, user);
    await expectAnswers(demo);
    expect(await servers(demo)).toMatchObject({ postgres: 'PGlite, in this process' });
    const { tiers } = (await (await fetch(`${demo.url}/stats`)).json()) as {
      tiers: Record<string, { state: string; writes: number }>;
    };
    expect(tiers).toMatchObject({ l2: { state: 'off' }, l3: { state: 'up' } });
    expect(tiers['l3'].writes).toBeGreaterThan(0);
  }, 60_000);

  it('runs on memory alone', async () => {
    const demo = await start({ DEMO_POSTGRES: 'off', DEMO_REDIS: 'off' }, user);
    await expectAnswers(demo);
    expect(await servers(demo)).toEqual({
      status: 'up',
      postgres: 'off (as asked)',
      redis: 'off (as asked)',
    });
  }, 60_000);
});

it('says which sources there are where an unknown one is asked for', async () => {
  const failing = run(process.execPath, [MAIN], { env: { ...process.env, DEMO_REDIS: 'magic' } });
  await expect(failing).rejects.toThrow(/DEMO_REDIS can come from given, program, docker or off/);
});

describe('its pages and commands', () => {
  it('describe the API, export metrics and send bounded traffic', async () => {
    const demo = await start({ DEMO_POSTGRES: 'off', DEMO_REDIS: 'off' });
    const document = (await (await fetch(`${demo.url}/docs-json`)).json()) as {
      paths: Record<string, unknown>;
    };
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/nearest', '/countries/{code}', '/cities/{id}']),
    );
    expect(await (await fetch(`${demo.url}/docs`)).text()).toContain('swagger');
    const { stdout } = await run(process.execPath, [
      TRAFFIC,
      '--url',
      demo.url,
      '--seconds',
      '2',
      '--rate',
      '50',
    ]);
    expect(stdout).toMatch(/in all\s+\d+ requests .*l1 \d+.*p50 .* 0 failed/);
    const metrics = await (await fetch(`${demo.url}/metrics`)).text();
    expect(metrics).toMatch(/mlcache_requests_total\{[^}]*mlcache_tier="l1"[^}]*\} [1-9]/);
    expect(metrics).toContain('otel_scope_name="nestjs-otel"');
  }, 60_000);

  it('refuse load without bounds', async () => {
    await expect(run(process.execPath, [TRAFFIC, '--rate', '100000'])).rejects.toThrow(
      '--rate must be a number from 1 to 500',
    );
  });
});
