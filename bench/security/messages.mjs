// What sealed messages cost: sealing and opening one, and deletes of many callers that another instance hears of.
import { GcmMessageSeal } from '../../libs/multi-level-cache/dist/security/message-seal.js';
import { createSecretKey, randomBytes } from 'node:crypto';
import { bar, openCache } from '../resilience/support.mjs';

const ROUNDS = 20_000;
const BYTES = 150;
const DELETES = 8_000;
const CALLERS = 16;

export async function messages({ postgres, redis }, { trials }) {
  const [sealing, opening] = [[], []];
  for (let trial = 0; trial < trials; trial++) {
    const { open, seal } = timeOfSeal();
    sealing.push(seal);
    opening.push(open);
  }
  return [
    bar(`sealing a message of ${BYTES} bytes`, sealing, { unit: ' µs' }),
    bar('opening it', opening, { unit: ' µs' }),
    bar('deletes in Redis, of the rate without', await rates({ l2: { url: redis.url } }, trials), {
      unit: 'x',
      digits: 2,
    }),
    bar(
      'deletes in PostgreSQL, of the rate without',
      await rates({ l3: { url: postgres.url } }, trials),
      { unit: 'x', digits: 2 },
    ),
  ];
}

function timeOfSeal() {
  const seal = new GcmMessageSeal('bench', createSecretKey(randomBytes(32)));
  const text = 'x'.repeat(BYTES);
  const one = seal.seal('stream', text, ['']);
  const each = (work) => {
    const began = performance.now();
    for (let round = 0; round < ROUNDS; round++) work();
    return ((performance.now() - began) * 1_000) / ROUNDS;
  };
  return {
    seal: each(() => seal.seal('stream', text, [''])),
    open: each(() => seal.open('stream', one, [''])),
  };
}

/** Two instances in this process: one deletes, and both have to do with its messages. */
async function rates(tiers, trials) {
  const secret = randomBytes(32);
  const open = async (namespace, security) => {
    const options = { namespace, ...tiers, ...(security && { security }) };
    return Promise.all([openCache(options), openCache(options)]);
  };
  const backplane = { key: () => secret };
  const [plain, sealed] = [await open('plain'), await open('sealed', { backplane })];
  const ratios = [];
  for (let trial = 0; trial < trials; trial++) {
    const one = await rate(plain[0].cache);
    ratios.push((await rate(sealed[0].cache)) / one);
  }
  await Promise.all([...plain, ...sealed].map(({ app }) => app.close()));
  return ratios;
}

async function rate(cache) {
  let next = 0;
  const began = performance.now();
  const caller = async () => {
    while (next < DELETES) await cache.delete(`product:${next++}`);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return DELETES / (performance.now() - began);
}
