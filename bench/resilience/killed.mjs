// A store is killed under load and comes back: nothing fails meanwhile, and it is used again soon.
import { bar, fill, openWarm, Traffic, until } from './support.mjs';

const RATE = 1_000;
const BEFORE_MS = 1_000;
const GONE_MS = 3_000;
const AFTER_MS = 1_000;

export async function killed(stores, { trials }) {
  const kinds = [
    ['Redis', 'redis', 'l2'],
    ['PostgreSQL', 'postgres', 'l3'],
  ];
  const found = new Map(kinds.map(([name]) => [name, { again: [], failed: [] }]));
  for (let trial = 0; trial < trials; trial++)
    for (const [name, store, tier] of kinds) {
      const { again, failed } = await once(stores, stores[store], tier);
      found.get(name).again.push(again);
      found.get(name).failed.push(failed);
    }
  return kinds.flatMap(([name]) => {
    const { again, failed } = found.get(name);
    const sum = failed.reduce((all, one) => all + one, 0);
    return [
      bar(
        `${name} killed: requests that failed, of ${failed.length} times ${GONE_MS / 1_000} s at ${RATE}/s`,
        [sum],
        { most: 0, digits: 0 },
      ),
      bar(`${name} back: read or filled again after`, again, {
        most: 2_000,
        unit: ' ms',
        digits: 0,
      }),
    ];
  });
}

async function once(stores, server, tier) {
  await fill(stores);
  const { app, cache } = await openWarm(stores);
  const used = () => {
    const { state, hits, writes } = cache.stats().tiers[tier];
    return state === 'up' ? hits + writes : -1;
  };
  const traffic = new Traffic(cache, RATE);
  await traffic.during(BEFORE_MS);
  const stretches = [];
  let again;
  try {
    await server.kill();
    stretches.push(await traffic.during(GONE_MS));
    if (used() !== -1) throw new Error(`${tier} is not away`);
    const { hits, writes } = cache.stats().tiers[tier];
    const since = hits + writes;
    await server.restart();
    again = await until(`${tier} is used again`, () => used() > since);
    stretches.push(await traffic.during(AFTER_MS));
  } finally {
    stretches.push(await traffic.stop());
  }
  await app.close();
  return { again, failed: stretches.reduce((sum, { failed }) => sum + failed, 0) };
}
