/** A short run of the history command: two processes, real servers, nothing goes wrong. */
import { expect, it } from 'vitest';
import { run } from './run.mjs';

it('two processes read and write for three seconds: every read is judged, no error', async () => {
  const options = { seconds: 3, processes: 2, database: true, healthy: 50 };
  const { log, unpaid, verdict } = await run('none', { ...options, mode: 'eventual' });
  expect(verdict.reads).toBeGreaterThan(100);
  expect(log.writes.length).toBeGreaterThan(5);
  expect(log.loads.length).toBeGreaterThan(5);
  expect(log.errors).toEqual([]);
  expect(unpaid).toBe(0);
  // How soon news arrive is a matter of the machine; that an instance reads its own writes is not.
  const own = verdict.violations.filter(({ read, write }) => read.process === write.process);
  expect(own).toEqual([]);
}, 60_000);
