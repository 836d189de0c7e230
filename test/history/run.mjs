// One run: servers, processes that read and write, one kind of fault again and again; what happened is judged afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from './checker.mjs';
import { now } from './clock.mjs';
import { FAULTS } from './faults.mjs';
import { Processes } from './processes.mjs';
import { startServers } from './servers.mjs';

/** What the design allows, ms. */
const PARTITION_TTL = 3_000;
const RECOVERY = 5_000;
/** Between two faults, and after the last write. */
const CALM = 1_500;

/** Runs one fault for so many seconds and judges what was read. */
export async function run(name, { seconds, processes, database, healthy, mode }) {
  const fault = FAULTS[name];
  const servers = await startServers(fault, { database: database || fault.database, processes });
  let group;
  try {
    group = await Processes.start(
      Array.from({ length: processes }, (_, me) => ({
        me,
        processes,
        mode,
        module: moduleOptions(servers, me, mode),
      })),
    );
    const windows = await disturb(fault, servers, seconds);
    const unpaid = await group.stop();
    await sleep(CALM);
    await group.end();
    const { log } = group;
    const rules = {
      healthy,
      disturbed: fault.redis === false ? healthy : PARTITION_TTL + healthy,
      recovery: RECOVERY,
      strong: mode === 'strong',
    };
    return { name, log, windows, unpaid, verdict: judge({ ...log, windows }, rules) };
  } finally {
    group?.kill();
    await servers.stop();
  }
}

function moduleOptions(servers, me, mode) {
  return {
    namespace: 'history',
    l2: servers.l2(me),
    l3: servers.l3,
    defaults: {
      ttl: '10s',
      grace: '10s',
      jitter: 0.1,
      hardTimeout: '5s',
      partitionTtl: PARTITION_TTL,
    },
    // Not every version of the library knows another mode: it says so itself.
    ...(mode === 'eventual' ? {} : { consistency: mode }),
  };
}

/** The fault, its recovery, some calm, and again, while there is time for all of it. */
async function disturb({ hit, prepare, dark = false, lossy = false }, servers, seconds) {
  const windows = [];
  const until = now() + seconds * 1_000;
  await sleep(Math.min(CALM, seconds * 1_000));
  const between = (least, most) => least + Math.random() * (most - least);
  for (let round = 0; hit && (round === 0 || now() + RECOVERY + CALM < until); round++) {
    await prepare?.({ ...servers, between });
    const start = now();
    await hit({ ...servers, between, round });
    windows.push({ start, end: now(), dark, lossy });
    await sleep(RECOVERY + between(CALM / 2, CALM));
  }
  await sleep(Math.max(until - now(), 0));
  return windows;
}
