// What the dashboard costs the process that serves it: its share of a core while somebody watches, on top of the same process while
// nobody does. A hundred thousand entries in memory, twenty caches, nothing else to do. With an argument it is the one who watches.
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { CacheDashboardModule } from 'nestjs-multi-level-cache-dashboard';
import { bar, numbers, pause } from '../resilience/support.mjs';

const SELF = fileURLToPath(import.meta.url);
const ENTRIES = 100_000;
const CACHES = 20;
const WATCHED_MS = 10_000;
/** Percent of a core. */
const MOST = 1;

class Application {}

export async function dashboard({ redis }, { trials }) {
  const cache = MultiLevelCacheModule.forRoot({
    namespace: 'bench',
    l1: { maxEntries: 2 * ENTRIES, maxSize: '500mb' },
    l2: { url: redis.url },
  });
  const guard = { canActivate: () => true };
  const imports = [cache, CacheDashboardModule.forRoot({ guard })];
  const app = await NestFactory.create({ module: Application, imports }, { logger: false });
  await app.listen(0, '127.0.0.1');
  const manager = app.get(CacheManager);
  for (const at of numbers(ENTRIES))
    await manager.getOrSet(`user:${at}`, () => at, { tiers: ['l1'] });
  for (const at of numbers(CACHES)) await manager.namespace(`cache${at}`).getOrSet('k', () => at);
  const url = `${await app.getUrl()}/ops/cache/api/stream`;
  // What filling it has left behind is collected first.
  await pause(5_000);
  const [alone, watched] = [[], []];
  for (let trial = 0; trial < trials; trial++) {
    alone.push(await shareOfCore());
    const viewer = spawn(process.execPath, [SELF, url], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(viewer.stdout, 'data');
    watched.push(await shareOfCore());
    viewer.kill();
    await once(viewer, 'exit');
  }
  await app.close();
  return [
    bar('the process while nobody watches', alone, { unit: ' % of a core', digits: 2 }),
    bar(
      'more while somebody does',
      watched.map((share, at) => share - alone[at]),
      { unit: ' % of a core', digits: 2, most: MOST },
    ),
  ];
}

async function shareOfCore() {
  const [before, began] = [process.cpuUsage(), performance.now()];
  await pause(WATCHED_MS);
  const { system, user } = process.cpuUsage(before);
  return (100 * (system + user)) / 1_000 / (performance.now() - began);
}

if (process.argv[1] === SELF) {
  const { body } = await fetch(process.argv[2]);
  for await (const part of body) process.stdout.write(`${part.length}\n`);
}
