/** What rows of several files share: servers that end with their row, and what no request may have suffered. */
import pg from 'pg';
import { afterEach, expect } from 'vitest';
import { closeCaches, type TestCache } from '../../support/cache.js';
import type { Server } from '../../support/servers.js';
import type { Report } from './load.js';
import type { Figures } from './row.js';

type End = () => Promise<unknown>;

/** Before the caches are closed, and after. */
const [first, last]: [End[], End[]] = [[], []];

/** Ends what each row has started: what asks, then caches, then servers; to be called at the head of a file. */
export function endAfterEach(): void {
  afterEach(async () => {
    for (const end of first.splice(0).toReversed()) await end();
    await closeCaches();
    for (const end of last.splice(0).toReversed()) await end();
  });
}

/** To be called at the end of the row, while caches and servers are still there. */
export function later(end: End): void {
  first.push(end);
}

/** A server, or several: stopped at the end of the row. */
export async function kept<T extends { stop(): Promise<unknown> }>(
  starting: Promise<T>,
): Promise<T> {
  const started = await starting;
  last.push(() => started.stop());
  return started;
}

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
