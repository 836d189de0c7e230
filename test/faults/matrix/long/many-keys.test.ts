/** More keys than fit anywhere: what a process keeps of them is bounded. */
import { afterEach, expect, it } from 'vitest';
import { freshNamespace, startRedis, type Server } from '../../../support/servers.js';
import { Child } from '../child.js';

const MIB = 1024 ** 2;
const MAX_ENTRIES = 10_000;
/** Beyond what is held after a fifth of them, when everything that is bounded is full. */
const GROWTH = 16 * MIB;

interface Seen {
  readonly heaps: readonly number[];
  readonly ms: number;
  readonly onceMs: number;
  readonly entries: number;
  readonly errors: number;
  readonly wrong: number;
  readonly serves: boolean;
}

let server: Server;
afterEach(async () => {
  await Child.endAll();
  await server.stop();
});

it('1,000,000 keys, tags and 100,000 tenants, then 100,000 keys at once: L1 and the heap stay within bounds', async () => {
  server = await startRedis({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] });
  const module = {
    namespace: freshNamespace(),
    l1: { maxEntries: MAX_ENTRIES },
    l2: { url: server.url, budget: '10s' },
  };
  const argument = { module, keys: 1_000_000, atATime: 1_000, atOnce: 100_000 };
  const child = new Child('many-keys.mjs', argument, ['--expose-gc']);
  const seen = await child.said<Seen>();
  expect(await child.ended).toMatchObject({ code: 0 });
  const [, full, ...later] = seen.heaps;
  console.log(
    `heap, MiB: ${seen.heaps.map((bytes) => (bytes / MIB).toFixed(1)).join(' ')}; ${(seen.ms / 1_000).toFixed(0)} s, at once ${(seen.onceMs / 1_000).toFixed(1)} s`,
  );
  expect(seen).toMatchObject({ errors: 0, wrong: 0, serves: true });
  expect(seen.entries).toBeLessThanOrEqual(MAX_ENTRIES);
  expect(Math.max(...later) - full).toBeLessThan(GROWTH);
}, 600_000);
