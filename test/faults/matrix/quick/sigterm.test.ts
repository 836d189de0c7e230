/** SIGTERM to an application under load: it ends soon, and nobody notices. */
import { afterEach, expect } from 'vitest';
import { closeCaches, testCache } from '../../../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl, startRedis } from '../../../support/servers.js';
import { Child } from '../child.js';
import { leasesOf } from '../leases.js';
import { Requests, request, type Answered } from '../requests.js';
import { row, type Figures } from '../row.js';

/** A connection that is taken by the kernel, and not by the server any more. */
const BACKLOG_MS = 100;
const ALL_MS = 5_000;

interface Seen {
  readonly received: number;
  readonly answered: number;
  readonly refreshes: number;
  readonly termedAt: number;
  readonly closedAt: number;
  readonly endedAt: number;
  readonly warnings: readonly string[];
}

afterEach(async () => {
  await Promise.all([Child.endAll(), closeCaches()]);
});

async function start(namespace: string): Promise<{ child: Child; port: number }> {
  const module = { namespace, l2: { url: redisUrl() }, l3: { url: databaseUrl() } };
  const child = new Child('server.mjs', { module });
  const { port } = await child.said<{ port: number }>();
  return { child, port };
}

/** Ends it and says what both sides saw. */
async function end(
  figures: Figures,
  child: Child,
  requests: Requests,
): Promise<readonly Answered[]> {
  child.kill('SIGTERM');
  const { code, signal } = await child.ended;
  const answers = await requests.stop();
  const seen = await child.said<Seen>();
  expect({ code, signal, warnings: seen.warnings }).toEqual({
    code: 0,
    signal: null,
    warnings: [],
  });
  figures.ms('from SIGTERM to the close of the server', seen.closedAt - seen.termedAt);
  figures.ms('from SIGTERM to the end', seen.endedAt - seen.termedAt, ALL_MS);
  figures.count('reloads begun after it', seen.refreshes, 0);
  const failed = answers.filter(
    ({ at, status }) => status !== 200 && at < seen.closedAt - BACKLOG_MS,
  );
  figures.count('requests until the server closed', seen.received);
  figures.count('failed requests', failed.length + seen.received - seen.answered, 0);
  expect(seen.received).toBeGreaterThan(100);
  return answers;
}

row(
  35,
  {
    fault: 'SIGTERM under load',
    expected: 'no reload begins, requests in flight are answered, no lease is left, exit code 0',
  },
  async (figures) => {
    const namespace = freshNamespace();
    const { child, port } = await start(namespace);
    const requests = new Requests(port, (n) => (n % 2 ? `/cold/${n}` : `/thing/${n % 20}`));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await end(figures, child, requests);
    figures.count('leases left', (await leasesOf(redisUrl(), namespace)).length, 0);
  },
);

row(
  35,
  {
    fault: 'SIGTERM under load, loaders of a request and of a reload hang',
    expected: 'given up after 2 s, their requests answered, their leases given back; exit code 0',
  },
  async (figures) => {
    const namespace = freshNamespace();
    const { child, port } = await start(namespace);
    const requests = new Requests(port, (n) => (n % 2 ? `/cold/${n}` : `/thing/${n % 20}`));
    const hanging = ['a', 'b'].map((key) => request(port, `/hang/${key}`));
    expect((await request(port, '/hangBehind/c')).body).toBe('first');
    await expect
      .poll(async () => (await leasesOf(redisUrl(), namespace)).length)
      .toBeGreaterThanOrEqual(3);
    await end(figures, child, requests);
    figures.count('leases left', (await leasesOf(redisUrl(), namespace)).length, 0);
    for (const { body, status } of await Promise.all(hanging))
      expect([status, body]).toEqual([200, 'CACHE_LOADER_TIMEOUT']);
    const { cache } = await testCache({ namespace, redis: redisUrl(), database: databaseUrl() });
    const before = performance.now();
    expect(await cache.getOrSet('hang:a', () => 'mine')).toBe('mine');
    figures.ms('another instance waits for its lease', performance.now() - before, 200);
  },
);

row(
  35,
  {
    fault: 'closed while Redis is frozen and owed a removal',
    expected: 'paid where Redis is back within the deadline',
  },
  async (figures) => {
    const server = await startRedis();
    try {
      const options = { namespace: freshNamespace(), redis: server.url };
      const made = await testCache(options);
      const { cache } = made;
      await cache.getOrSet('k', () => 'old');
      await server.freeze();
      expect(await cache.delete('k')).toMatchObject({ l2: 'queued', durable: false });
      const before = performance.now();
      const closed = made.close();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await server.thaw();
      await closed;
      figures.ms('close took', performance.now() - before, ALL_MS);
      const other = await testCache(options);
      figures.count('removals lost', (await other.cache.get('k')) === undefined ? 0 : 1, 0);
    } finally {
      await closeCaches();
      await server.stop();
    }
  },
);
