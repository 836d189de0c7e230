// What telemetry costs a fresh hit in memory: time, and bytes. Each subject is a process of its own: up to Node 22 every `await` of
// a process costs more as soon as anything in it carries a context, whose ever it is. With an argument it is the process that
// measures one.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { context } from '@opentelemetry/api';
import { CacheTelemetryModule } from 'nestjs-multi-level-cache/telemetry';
import { bar, median, openCache } from '../resilience/support.mjs';
import { collectMetrics, collectTraces, inRequest } from './sdk.mjs';

const SELF = fileURLToPath(import.meta.url);
const HITS = 500_000;
const REQUESTS = 1_000;
const ROUNDS = 7;
/** Fewer than fill the space of young objects: nothing is collected while bytes are counted. */
const COUNTED = 200_000;
const FLAGS = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];
const KEYS = Array.from({ length: 1_024 }, (_none, at) => `product:${at}`);

const SUBJECTS = {
  plain: {},
  metrics: { metrics: true, module: true },
  traced: { metrics: true, traces: true },
  all: { metrics: true, traces: true, module: true },
};

export function hits(_stores, { trials }) {
  const found = Object.fromEntries(Object.keys(SUBJECTS).map((name) => [name, []]));
  for (let trial = 0; trial < trials; trial++)
    for (const name of Object.keys(SUBJECTS)) {
      const printed = execFileSync(process.execPath, [...FLAGS, SELF, name], { encoding: 'utf8' });
      found[name].push(JSON.parse(printed));
    }
  const of = (name, member) => found[name].map((one) => one[member]);
  const ratios = (name, to) => of(name, 'ns').map((ns, at) => ns / found[to][at].ns);
  const more = (name, to) => of(name, 'bytes').map((bytes, at) => bytes - found[to][at].bytes);
  const x = { unit: 'x', digits: 2, most: 1.15 };
  // One hit in 1,024 is recorded, for which the SDK takes some 2 KB; the others take nothing.
  const bytes = { unit: ' bytes', digits: 1, most: 3 };
  return [
    bar('a hit in memory', of('plain', 'ns'), { unit: ' ns', digits: 0 }),
    bar('a hit in memory allocates', of('plain', 'bytes'), { unit: ' bytes', digits: 1 }),
    bar('with metrics', ratios('metrics', 'plain'), x),
    bar('with metrics it allocates more', more('metrics', 'plain'), bytes),
    bar('in a request that is traced, with telemetry to without', ratios('all', 'traced'), x),
    bar('the same, bytes more', more('all', 'traced'), bytes),
  ];
}

async function measure({ metrics, module, traces }) {
  if (metrics) collectMetrics();
  if (traces) collectTraces();
  const imports = module ? [CacheTelemetryModule] : [];
  // Instrumentation carries contexts from the first moment on, whoever boots in them.
  const boot = () => openCache({ defaults: { ttl: '1h' } }, imports);
  const { app, cache } = await (traces ? context.with(context.active(), boot) : boot());
  const times = [];
  const read = async (hits) => {
    for (let at = 0; at < hits; at++) await cache.get(KEYS[at & 1_023]);
  };
  // A server carries one context for each request, and never one alone.
  const request = traces ? inRequest : (work) => work();
  await cache.setMany(KEYS.map((key) => [key, 1]));
  // The first rounds are spent on compiling.
  for (let round = -2; round < ROUNDS; round++) {
    const began = performance.now();
    for (let at = 0; at < REQUESTS; at++) await request(() => read(HITS / REQUESTS));
    if (round >= 0) times.push(((performance.now() - began) * 1e6) / HITS);
  }
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  await request(() => read(COUNTED));
  const bytes = (process.memoryUsage().heapUsed - before) / COUNTED;
  await app.close();
  return { ns: median(times), bytes };
}

if (process.argv[1] === SELF) console.log(JSON.stringify(await measure(SUBJECTS[process.argv[2]])));
