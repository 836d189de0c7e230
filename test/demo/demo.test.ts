/** The demo as a person runs it: a process of its own, asked over HTTP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { freePort } from 'throwaway-servers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startPostgres, startRedis, type Server } from '../support/servers.js';

const MAIN = new URL('../../dist/apps/demo/main.js', import.meta.url).pathname;
const NEAR_OSLO = '/nearest?lat=59.91&lon=10.75';

interface Row {
  readonly id: number;
  readonly population: number;
}

let redis: Server;
let postgres: Server;
let demo: { url: string; stop(): Promise<number | null> };

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([redis.stop(), postgres.stop()]);
});

async function start(env: Record<string, string> = {}): Promise<typeof demo> {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url,
      PORT: String(port),
      DEMO_CITIES: '135233',
      ...env,
    },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await expect
    .poll(
      () =>
        fetch(url).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 60_000 },
    )
    .toBe(200);
  const stop = (): Promise<number | null> => (child.kill('SIGTERM'), ended);
  return { url, stop };
}

async function by(path: string): Promise<string | null> {
  const response = await fetch(demo.url + path);
  expect(response.status).toBe(200);
  return response.headers.get('x-cache');
}

describe('the demo', () => {
  beforeEach(async () => {
    demo = await start();
    return async () => expect(await demo.stop()).toBe(0);
  });

  it('answers from loader, then l1; restarted from l2; flushed and restarted from l3', async () => {
    expect(await by(NEAR_OSLO)).toBe('loader');
    expect(await by(NEAR_OSLO)).toBe('l1');
    expect(await demo.stop()).toBe(0);
    demo = await start();
    expect(await by(NEAR_OSLO)).toBe('l2');
    expect(await demo.stop()).toBe(0);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    demo = await start();
    expect(await by(NEAR_OSLO)).toBe('l3');
  }, 60_000);

  it('forgets what a write made wrong, in lists and aggregates alike', async () => {
    const [oslo] = (await (await fetch(demo.url + NEAR_OSLO)).json()) as [Row];
    await by('/countries/NO');
    const body = JSON.stringify({ population: oslo.population + 1 });
    const written = await fetch(`${demo.url}/cities/${oslo.id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(written.status).toBe(200);
    const again = await fetch(demo.url + NEAR_OSLO);
    expect(again.headers.get('x-cache')).toBe('loader');
    expect((await again.json()) as unknown[]).toMatchObject([
      { id: oslo.id, population: oslo.population + 1 },
      {},
      {},
      {},
      {},
      {},
      {},
      {},
      {},
      {},
    ]);
    expect(await by('/countries/NO')).toBe('loader');
  });

  it('moves people in a transaction: what fails leaves the cache as it was, what commits is forgotten', async () => {
    const places = (await (await fetch(demo.url + NEAR_OSLO)).json()) as Row[];
    const [to, from] = places as [Row, Row];
    const paths = [`/cities/${from.id}`, `/cities/${to.id}`, '/countries/NO', NEAR_OSLO];
    for (const path of paths) await by(path);
    const move = async (people: number): Promise<{ status: number; body: Row[] }> => {
      const response = await fetch(`${demo.url}/moves`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ from: from.id, to: to.id, people }),
      });
      return { status: response.status, body: (await response.json()) as Row[] };
    };
    expect((await move(from.population + 1)).status).toBe(409);
    for (const path of paths) expect(await by(path)).toBe('l1');
    expect((await move(1)).body).toMatchObject([
      { id: from.id, population: from.population - 1 },
      { id: to.id, population: to.population + 1 },
    ]);
    for (const path of paths) expect(await by(path)).toBe('loader');
  });

  it.each([
    '/nearest?lat=north&lon=1',
    '/nearest?lat=91&lon=0',
    '/nearest?lat=1&lon=1&count=16',
    '/countries/Norway',
    '/cities/x',
  ])('refuses %s by name', async (path) => {
    const response = await fetch(demo.url + path);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toMatch(/must|letters/);
  });
});

describe('health', () => {
  async function health(): Promise<{ status: number; degraded: unknown }> {
    const response = await fetch(`${demo.url}/health`);
    const { details } = (await response.json()) as { details: { cache: { degraded?: unknown } } };
    return { status: response.status, degraded: details.cache.degraded };
  }

  it('is 200; 200 and degraded without Redis; with l1 off, 503 only when both servers are gone', async () => {
    demo = await start({ CACHE_L1: 'off' });
    try {
      expect(await health()).toEqual({ status: 200, degraded: undefined });
      await redis.kill();
      await expect.poll(health, { timeout: 10_000 }).toEqual({ status: 200, degraded: ['l2'] });
      expect(await by(NEAR_OSLO)).toMatch(/loader|l3/);
      await postgres.kill();
      await fetch(demo.url + NEAR_OSLO);
      await expect
        .poll(health, { timeout: 10_000 })
        .toEqual({ status: 503, degraded: ['l2', 'l3'] });
      expect((await fetch(demo.url + NEAR_OSLO)).status).toBe(503);
      await Promise.all([redis.restart(), postgres.restart()]);
      await expect.poll(health, { timeout: 10_000 }).toEqual({ status: 200, degraded: undefined });
    } finally {
      expect(await demo.stop()).toBe(0);
    }
  }, 60_000);
});

describe('where a collector is given', () => {
  it('sends metrics and traces there: a request with its call of the cache and the loader', async () => {
    const collector = await receiver();
    demo = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    });
    try {
      await by('/nearest?lat=1.25&lon=2.5');
      // A span is sent once it has ended: the loader's before that of the call, and this before the request's.
      await expect
        .poll(() => collector.ways('cache.load default'), { timeout: 10_000 })
        .toContainEqual([
          'cache.load default',
          'cache.get_or_load default',
          expect.stringMatching(/nearest/),
        ]);
      // What has not been sent goes when it ends.
      expect(await demo.stop()).toBe(0);
      expect(collector.metrics()).toContain('mlcache.requests');
      expect(collector.everything()).not.toContain('1.25');
    } finally {
      await demo.stop();
      await collector.stop();
    }
  }, 60_000);
});

interface OtlpSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

/** What an OpenTelemetry collector is to an exporter: takes whatever is posted. */
async function receiver() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (body += part));
    request.on('end', () => {
      bodies.push(body);
      response.setHeader('content-type', 'application/json');
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const all = <T>(member: string): T[] =>
    bodies.flatMap((body) => found<T>(JSON.parse(body), member));
  const spans = (): OtlpSpan[] => all<OtlpSpan>('spans');
  const way = (span: OtlpSpan | undefined): string[] =>
    span ? [span.name, ...way(spans().find(({ spanId }) => spanId === span.parentSpanId))] : [];
  return {
    url: `http://127.0.0.1:${port}`,
    ways: (name: string) =>
      spans()
        .filter((span) => span.name === name)
        .map(way),
    metrics: () => all<{ name: string }>('metrics').map(({ name }) => name),
    everything: () => bodies.join(),
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
}

/** Every list of that name, however deep. */
function found<T>(value: unknown, member: string): T[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    name === member && Array.isArray(inner) ? (inner as T[]) : found<T>(inner, member),
  );
}
