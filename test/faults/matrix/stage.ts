/** What rows of several files share: what no request may have suffered, how long a tier was away, another user of a database. */
import pg from 'pg';
import { expect } from 'vitest';
import type { TestCache } from '../../support/cache.js';
import { later } from '../../support/ends.js';
import type { Server } from '../../support/servers.js';
import type { Report } from './load.js';
import type { Figures } from './row.js';

/** No request has failed, and none was answered with what had been removed. */
export function unharmed(figures: Figures, ...reports: readonly Report[]): void {
  const errors = reports.flatMap((report) => report.errors);
  if (errors.length > 0) console.error(errors[0]);
  figures.count('failed requests', errors.length, 0);
  figures.count(
    'wrong values',
    reports.reduce((sum, { wrong }) => sum + wrong, 0),
    0,
  );
}

/** Ms until this tier is used again. */
export async function untilUp({ cache }: TestCache, tier: 'l2' | 'l3'): Promise<number> {
  const before = performance.now();
  await expect
    .poll(() => cache.stats().tiers[tier].state, { timeout: 20_000, interval: 10 })
    .toBe('up');
  return performance.now() - before;
}

/** Another user of the same database. */
export async function connection({ url }: Server): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  later(() => client.end());
  return client;
}
