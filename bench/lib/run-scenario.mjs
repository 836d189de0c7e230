// One scenario from its servers to its figures.
import { startPostgres, startRedis } from 'throwaway-servers';
import { isIdle, loadAverage } from './machine.mjs';
import { stopAll } from './workers.mjs';

const START = { redis: startRedis, postgres: () => startPostgres() };
const AFTER_MS = 1_000;

/** @returns `{ title, tables, figures, notes, judged, why, load }` */
export async function runScenario({ needs = [], title, run }, { trials, slice, quick }) {
  // Servers each: none pays for what another has left behind.
  const servers = await Promise.all(needs.map((kind) => START[kind]()));
  const urls = Object.fromEntries(servers.map(({ url }, at) => [`${needs[at]}Url`, url]));
  try {
    const before = quick ? { idle: true } : await isIdle();
    const load = [loadAverage()];
    const result = await run({ trials, slice, quick, ...urls }).catch(failed);
    load.push(loadAverage());
    const after = quick ? { idle: true } : await isIdle({ lookMs: AFTER_MS, waitMs: 5 * AFTER_MS });
    const busy = before.idle && after.idle ? undefined : 'busy machine';
    const why = result.failed ?? (quick ? 'quick' : busy);
    return { title, notes: [], ...result, judged: why === undefined, why, load };
  } finally {
    stopAll();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** The others go on; its bars are not judged. */
const failed = ({ message }) => ({ tables: [], figures: [], failed: `failed: ${message}` });
