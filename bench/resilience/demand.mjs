// What warming costs those who ask: p99 of requests beside it, against the same load without it, while all is well and while the
// process or a store is busy. Values live shortly, so that there is always something to renew.
import pg from 'pg';
import { bar, median, openCache, pause, percentile } from './support.mjs';

const KEYS = 2_000;
const RATE = 500;
const LOAD_MS = 20;
const ROUND_MS = 2_000;
const WINDOW_MS = 8_000;
const REST_MS = 500;
const BLOCKED_MS = 60;
const BLOCKED_EVERY_MS = 250;
const MOST = 1.1;

/** Each begins, and gives what ends it. */
const SITUATIONS = {
  'all is well': async () => async () => undefined,
  'PostgreSQL keeps its connections waiting': async ({ postgres }) => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query('begin');
    await client.query('lock table mlcache.entry in access exclusive mode');
    return () => client.end();
  },
  'the event loop is blocked again and again': async () => {
    const timer = setInterval(() => {
      const until = performance.now() + BLOCKED_MS;
      while (performance.now() < until);
    }, BLOCKED_EVERY_MS);
    return async () => clearInterval(timer);
  },
  'Redis stands still': async ({ redis }) => {
    await redis.freeze();
    return () => redis.thaw();
  },
  'half of the loads fail': async (_stores, origin) => {
    origin.fails = 0.5;
    return async () => void (origin.fails = 0);
  },
};

export async function demand(stores, { trials }) {
  const origin = new Origin();
  const [without, warmed] = [await open(stores, origin, 'off'), await open(stores, origin, 'on')];
  const bars = [];
  for (const [title, begin] of Object.entries(SITUATIONS)) {
    const found = { off: [], on: [], loads: 0 };
    for (let trial = 0; trial < trials; trial++) {
      const end = await begin(stores, origin);
      // Who comes first takes turns.
      const steps = [
        async () => found.off.push(percentile(await traffic(without, false), 0.99)),
        async () => {
          const before = warmed.cache.stats().warming.loaded;
          found.on.push(percentile(await traffic(warmed, true), 0.99));
          found.loads += warmed.cache.stats().warming.loaded - before;
        },
      ];
      for (const step of trial % 2 === 0 ? steps : steps.toReversed()) await step();
      await end();
      await pause(REST_MS);
    }
    const ratios = found.on.map((p99, trial) => p99 / found.off[trial]);
    const sides = `${median(found.on).toFixed(1)} to ${median(found.off).toFixed(1)} ms`;
    bars.push(
      bar(`p99 beside warming, ${title} (${sides}; ${found.loads} warm loads)`, ratios, {
        most: MOST,
        unit: 'x',
        digits: 2,
      }),
    );
  }
  await Promise.all([without, warmed].map(({ app }) => app.close()));
  return bars;
}

/** Where values come from. */
class Origin {
  fails = 0;
  #loads = 0;

  async load(key) {
    await pause(LOAD_MS);
    if (this.fails > 0 && ++this.#loads % Math.round(1 / this.fails) === 0)
      throw new Error('the origin is down');
    return key;
  }
}

async function open({ postgres, redis }, origin, namespace) {
  const opened = await openCache({
    namespace,
    l2: { url: redis.url },
    l3: { url: postgres.url },
    defaults: { ttl: '10s', grace: 0 },
    warming: { interval: '1h', onBoot: false, concurrency: 4 },
  });
  const loader = (key) => origin.load(key);
  opened.cache.warming.calls.declare('key:{id}', 'default', (_args, key) => ({ key, loader }));
  return { ...opened, loader };
}

/** Times of the requests of a window, each from the moment it was due. */
async function traffic({ cache, loader }, isWarming) {
  const times = [];
  const running = [];
  const ask = async (sent, due) => {
    await cache.getOrSet(keyOf(sent), loader).catch(() => undefined);
    times.push(performance.now() - due);
  };
  const rounds = isWarming ? setInterval(() => void cache.warming.round(), ROUND_MS) : undefined;
  const began = performance.now();
  for (let sent = 0; sent < (WINDOW_MS / 1_000) * RATE;) {
    for (let due; (due = began + (sent * 1_000) / RATE) <= performance.now(); sent++)
      running.push(ask(sent, due));
    await pause(1);
  }
  clearInterval(rounds);
  await Promise.all(running);
  return times;
}

/** Popular keys often, rare ones seldom; the same for everybody. */
const keyOf = (sent) => `key:${Math.floor(KEYS ** ((sent * 0.6180339887) % 1))}`;
