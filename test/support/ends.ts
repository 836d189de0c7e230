/** What a test starts ends with it: what asks, then caches, then servers and the ways to them. */
import { afterEach } from 'vitest';
import { closeCaches } from './cache.js';

type End = () => unknown;

/** Before the caches are closed, and after. */
const [first, last]: [End[], End[]] = [[], []];

/** To be called once, at the head of a file. */
export function endAfterEach(): void {
  afterEach(async () => {
    for (const end of first.splice(0).toReversed()) await end();
    await closeCaches();
    for (const end of last.splice(0).toReversed()) await end();
  });
}

/** Is called at the end of the test, while caches and servers are still there. */
export function later(end: End): void {
  first.push(end);
}

/** Is called when the test has ended and its caches are closed; the latest first. */
export function atEnd(end: End): void {
  last.push(end);
}

/** A server, or several: stopped at the end of the test. */
export async function kept<T extends { stop(): Promise<unknown> }>(
  starting: Promise<T>,
): Promise<T> {
  const started = await starting;
  atEnd(() => started.stop());
  return started;
}
