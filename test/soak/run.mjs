// One stretch of the soak: servers, processes under load, with faults or without; what they saw is judged afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { judge } from '../history/checker.mjs';
import { now } from '../history/clock.mjs';
import { Processes } from '../history/processes.mjs';
import { startServers } from '../history/servers.mjs';
import { together, watchStalls } from '../history/stalls.mjs';
import { disturb } from './disturbance.mjs';
import { growth } from './heap.mjs';

const PROGRAM = fileURLToPath(new URL('./instance.mjs', import.meta.url));
/** What the design allows, ms. */
const PARTITION_TTL = 3_000;
const RECOVERY = 5_000;
/** After the last write. */
const CALM = 1_500;
/** Before anything is counted, as a share of the stretch and at most, ms. */
const WARM_UP = 0.1;
const LONGEST_WARM_UP = 15_000;
/** Looks at the heap in one stretch, and how close they may come: each costs a collection. */
const LOOKS = 60;
const LOOK_MS = 5_000;

/** `calm` has no faults, `faults` has; `healthy` = ms another process may lag while all is well. */
export async function run(name, { seconds, processes, perSecond, seed, healthy }) {
  const faulty = name === 'faults';
  // Proxies are for cutting connections only: they would share a process with the register.
  const servers = await startServers(
    { shape: 'standalone', proxied: faulty },
    { database: true, processes },
  );
  const stalls = [];
  const watching = watchStalls((stall) => stalls.push(stall));
  let group;
  let looking;
  try {
    group = await startGroup(servers, { processes, perSecond, seed });
    await sleep(Math.min(seconds * 1_000 * WARM_UP, LONGEST_WARM_UP));
    group.tell('measure');
    const from = now();
    const until = from + seconds * 1_000;
    // A collection holds everything up for as long as it takes, which is not what the calm stretch is about.
    if (faulty)
      looking = setInterval(() => group.tell('heap'), Math.max((seconds * 1_000) / LOOKS, LOOK_MS));
    const { windows, faults } = faulty
      ? await disturb(servers, { seed, until })
      : await sleep(seconds * 1_000, { windows: [], faults: [] });
    clearInterval(looking);
    const unpaid = await group.stop();
    await sleep(CALM);
    const { gone } = group;
    await group.end();
    const rules = { healthy, disturbed: PARTITION_TTL + healthy, recovery: RECOVERY };
    const { log } = group;
    log.lates = log.lates.filter(({ start }) => start >= from);
    // Messages pass through proxies in this process: while it stands still nobody hears any.
    const heardLate = faulty ? throughProxies(log.stalls, stalls, processes) : log.stalls;
    const verdict = judge({ ...log, stalls: heardLate, windows }, rules);
    return { name, seconds, faults, windows, unpaid, gone, log, verdict, ...sum(log, verdict) };
  } finally {
    clearInterval(looking);
    watching();
    group?.kill();
    await servers.stop();
  }
}

function startGroup(servers, { processes, perSecond, seed }) {
  const instances = Array.from({ length: processes }, (_, me) => ({
    me,
    processes,
    perSecond: perSecond / processes,
    seed,
    module: {
      namespace: 'soak',
      // Small and short, so that the lower tiers are asked.
      l1: { maxEntries: 300 },
      l2: { ...servers.l2(me), ttl: '3s' },
      l3: servers.l3,
      defaults: {
        ttl: '30s',
        grace: '30s',
        hardTimeout: '5s',
        partitionTtl: PARTITION_TTL,
      },
    },
  }));
  return Processes.start(instances, {
    program: PROGRAM,
    execArgv: ['--expose-gc'],
    lists: ['counts', 'heaps', 'lates', 'unhandled'],
  });
}

function throughProxies(stalls, ours, processes) {
  return Array.from({ length: processes }, (_, process) => {
    const own = stalls.filter((one) => one.process === process);
    return together([...own, ...ours]).map((one) => ({ process, ...one }));
  }).flat();
}

/** The counts of all processes together. */
function sum({ counts, heaps, unhandled }, { violations }) {
  const total = (of) => counts.reduce((all, one) => all + of(one), 0);
  const [requests, failed, late] = ['requests', 'failed', 'late'].map((of) =>
    total((one) => one[of]),
  );
  const wrong = violations.length;
  const tiers = ['l1', 'l2', 'l3'].map((tier) => {
    const [reads, answered, tooLate] = ['reads', 'answered', 'late'].map((of) =>
      total(({ tiers }) => tiers[tier][of]),
    );
    return [tier, { reads, answered, late: tooLate, share: answered / reads }];
  });
  return {
    requests,
    failed,
    late,
    wrong,
    unhandled: unhandled.length,
    availability: (requests - failed - late - wrong) / requests,
    longest: Math.max(...counts.map(({ longest }) => longest)),
    tiers: Object.fromEntries(tiers),
    heap: growth(heaps),
    down: counts.flatMap(({ process, states }) =>
      Object.entries(states)
        .filter(([, state]) => state !== 'up')
        .map(([tier, state]) => `${tier} of process ${process} is ${state}`),
    ),
  };
}
