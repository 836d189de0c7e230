/** `npm run traffic`: bounded load on the running demo: popular questions often, rare ones seldom, a few writes. */
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: `http://127.0.0.1:${process.env.PORT ?? 3000}` },
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '50' },
    writes: { type: 'string', default: '0.05' },
  },
});
const [seconds, rate, writes] = [
  bounded('seconds', 1, 600),
  bounded('rate', 1, 500),
  bounded('writes', 0, 1),
];
const COUNTRIES = 'NO DE FR IT ES GB US IN CN BR NG KE JP AU AR MX PL SE FI DK'.split(' ');
const CITIES = [3143244, 2950159, 2988507, 3169070, 3117735, 2643743, 5128581, 1273294];
const IN_FLIGHT = 64;

const by = new Map();
const times = [];
let failures = 0;
let running = 0;

function bounded(name, least, most) {
  const value = Number(values[name]);
  if (!(value >= least && value <= most)) {
    console.error(`--${name} must be a number from ${least} to ${most}`);
    process.exit(1);
  }
  return value;
}

/** Rank 0 most often, rank n about n times less. */
function zipf(list) {
  return list[Math.floor(list.length ** Math.random()) - 1] ?? list[0];
}

function request() {
  const city = zipf(CITIES);
  if (Math.random() < writes)
    return ask(`/cities/${city}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ population: 100_000 + Math.floor(Math.random() * 900_000) }),
    });
  if (Math.random() < 0.5) return ask(`/countries/${zipf(COUNTRIES)}`);
  if (Math.random() < 0.5) return ask(`/cities/${city}`);
  return ask(
    `/nearest?lat=${Math.round(Math.random() * 4) + 50}&lon=${Math.round(Math.random() * 4)}`,
  );
}

async function ask(path, init) {
  const began = performance.now();
  running++;
  try {
    const response = await fetch(values.url + path, init);
    await response.arrayBuffer();
    const answer = init ? 'write' : (response.headers.get('x-cache') ?? String(response.status));
    by.set(answer, (by.get(answer) ?? 0) + 1);
    if (!response.ok && response.status !== 404) failures++;
  } catch {
    failures++;
  } finally {
    running--;
    times.push(performance.now() - began);
  }
}

function line(what) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  const answers = [...by].map(([name, count]) => `${name} ${count}`).join('  ');
  console.log(
    `${what}  ${times.length} requests  ${answers}  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  ${failures} failed`,
  );
}

const until = performance.now() + seconds * 1_000;
let sent = 0;
const began = performance.now();
let told = 0;
while (performance.now() < until) {
  const due = ((performance.now() - began) / 1_000) * rate;
  while (sent < due && running < IN_FLIGHT) {
    sent++;
    void request();
  }
  const second = Math.floor((performance.now() - began) / 1_000);
  if (second > told) line(`${(told = second)} s`);
  await new Promise((resolve) => setTimeout(resolve, 5));
}
while (running > 0) await new Promise((resolve) => setTimeout(resolve, 10));
line('in all');
process.exit(failures > 0 ? 1 : 0);
