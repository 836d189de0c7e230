// Faults of the soak: which one comes when is drawn from a seed; one store at a time, and now and then both.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { now } from '../history/clock.mjs';
import { FAULTS } from '../history/faults.mjs';
import { seeded } from '../support/random.mjs';

/** Of Redis: frozen, killed and empty again, and its connections, which fall silent or are cut. */
const REDIS = ['sigstop', 'kill-empty', 'cut'];
const POSTGRES = {
  'pg-kill': FAULTS['pg-kill'],
  'pg-freeze': FAULTS['pg-freeze'],
  'pg-cut': { hit: cutPostgres },
};
/** Between two faults, ms. */
const CALM = [2_000, 8_000];
/** What a fault takes at most, and what comes after it, ms. */
const LONGEST = 8_000;
const BOTH = 0.2;

/** Until that moment; tells every fault, and the windows in which instances may not have heard of each other. */
export async function disturb(servers, { seed, until }) {
  const random = seeded(seed);
  const between = (least, most) => least + random() * (most - least);
  const windows = [];
  const faults = [];
  for (let round = 0; round === 0 || now() + LONGEST < until; round++) {
    await sleep(between(...CALM));
    const which = random();
    const hits = [];
    // What is drawn does not depend on how long anything takes.
    const [ofRedis, ofPostgres] = [pick(REDIS, random), pick(Object.keys(POSTGRES), random)];
    const [first, second] = [seeded(random() * 2 ** 32), seeded(random() * 2 ** 32)];
    if (which < 0.5 + BOTH / 2) hits.push(hitRedis(ofRedis, servers, first, round, windows));
    if (which >= 0.5 - BOTH / 2) hits.push(hitPostgres(ofPostgres, servers, second));
    for (const name of await Promise.all(hits)) faults.push(name);
  }
  await sleep(Math.max(until - now(), 0));
  return { windows, faults };
}

async function hitRedis(name, servers, random, round, windows) {
  const { dark = false, hit } = FAULTS[name];
  const start = now();
  await hit({ ...servers, between: (least, most) => least + random() * (most - least), round });
  windows.push({ start, end: now(), dark, lossy: false });
  return name;
}

/** Redis goes on, so instances hear of each other as ever. */
async function hitPostgres(name, servers, random) {
  await POSTGRES[name].hit({
    ...servers,
    between: (least, most) => least + random() * (most - least),
  });
  return name;
}

async function cutPostgres({ postgres }) {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and client_port is not null',
    );
  } finally {
    await client.end();
  }
}

function pick(list, random) {
  return list[Math.floor(random() * list.length)];
}
