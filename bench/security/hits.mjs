// What security costs a fresh hit in memory. Each subject is a process of its own: up to Node 22 every `await` of a process costs
// more as soon as anything in it carries a context, whose ever it is. Run with an argument it is the process that measures one.
import { execFileSync } from 'node:child_process';
import { AsyncLocalStorage } from 'node:async_hooks';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermissionPolicy } from 'nestjs-multi-level-cache';
import { bar, median, openCache } from '../resilience/support.mjs';

const SELF = fileURLToPath(import.meta.url);
const HITS = 500_000;
const ROUNDS = 7;
const KEYS = Array.from({ length: 1_024 }, (_none, at) => `product:${at}`);
const CALLER = {
  tenantId: 'acme',
  subjectId: 'ann',
  permissions: ['cache:read:*', 'cache:write:*'],
};
/** From here on a context that is carried costs next to nothing. */
const CHEAP_SINCE = 24;

const SUBJECTS = ['plain', 'carrying', 'tenants', 'all'];

export function hits(_stores, { trials }) {
  const times = Object.fromEntries(SUBJECTS.map((name) => [name, []]));
  for (let trial = 0; trial < trials; trial++)
    for (const name of SUBJECTS)
      times[name].push(Number(execFileSync(process.execPath, [SELF, name], { encoding: 'utf8' })));
  const ratios = (name, to) => times[name].map((ns, at) => ns / times[to][at]);
  const cheap = Number(process.versions.node.split('.')[0]) >= CHEAP_SINCE;
  const most = (to) => (cheap === (to === 'plain') ? 1.5 : undefined);
  const x = { unit: 'x', digits: 2 };
  return [
    bar('a hit in memory', times.plain, { unit: ' ns', digits: 0 }),
    bar('the same in a process that carries a context of its own', ratios('carrying', 'plain'), x),
    bar('with tenants', ratios('tenants', 'plain'), x),
    bar('with tenants, permissions and audit', ratios('all', 'plain'), {
      ...x,
      most: most('plain'),
    }),
    bar('the same, of one in a process that carries a context', ratios('all', 'carrying'), {
      ...x,
      most: most('carrying'),
    }),
  ];
}

/** ns of a hit. */
async function measure(name) {
  const file = join(tmpdir(), `bench-audit-${process.pid}`);
  const audit = { sink: { file }, key: () => Buffer.alloc(32, 7) };
  const tenancy = 'required';
  const security = {
    tenants: { tenancy },
    all: { tenancy, policy: new PermissionPolicy(), audit },
  }[name];
  const { app, cache } = await openCache({
    defaults: { ttl: '1h' },
    ...(security && { security }),
  });
  const times = [];
  const run = async () => {
    await cache.setMany(KEYS.map((key) => [key, 1]));
    // The first rounds are spent on compiling.
    for (let round = -2; round < ROUNDS; round++) {
      const began = performance.now();
      for (let at = 0; at < HITS; at++) await cache.get(KEYS[at & 1_023]);
      if (round >= 0) times.push(((performance.now() - began) * 1e6) / HITS);
    }
  };
  if (security) await cache.runAs(CALLER, run);
  else if (name === 'carrying') await new AsyncLocalStorage().run(CALLER, run);
  else await run();
  await app.close();
  await rm(file, { force: true });
  return median(times);
}

if (process.argv[1] === SELF) console.log(await measure(process.argv[2]));
