// What the parts of `npm run bench:scale` share: values of a size, calls of a width, and what servers say they have spent.
import { readdir, readFile } from 'node:fs/promises';
import { median, numbers, pause } from '../coherence/support.mjs';
import { seeded } from '../../test/support/random.mjs';

export { median, now, numbers, openCache, pause, percentile } from '../coherence/support.mjs';

/** A list of records, about so many bytes as JSON: what applications keep, with names and numbers that do not repeat. */
export function valueOf(bytes) {
  const random = seeded(bytes);
  const record = () => ({
    id: Math.floor(random() * 1e9),
    name: `product ${random().toString(36).slice(2, 12)}`,
    price: Math.round(random() * 1e5) / 100,
    stock: random() > 0.5,
    label: random().toString(36).slice(2, 10),
  });
  const one = 96;
  return numbers(Math.max(Math.round(bytes / one), 1)).map(record);
}

/** Every call is made, always so many under way; ms for all of them. */
export async function allOf(count, width, call) {
  let next = 0;
  const worker = async () => {
    while (next < count) await call(next++);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return performance.now() - began;
}

/** us per call: the median of so many rounds, after one that is not counted. */
export async function usOf({ trials, count, width = 1 }, call) {
  const rounds = [];
  for (let round = -1; round < trials; round++) {
    const us = ((await allOf(count, width, call)) * 1_000) / count;
    if (round >= 0) rounds.push(us);
  }
  return median(rounds);
}

/** ns of the processor per call, one at a time: for what is answered from memory, where nothing waits. */
export async function cpuNsOf({ trials, count }, call) {
  const rounds = [];
  for (let round = -1; round < trials; round++) {
    const before = processCpuUs();
    for (let index = 0; index < count; index++) await call(index);
    if (round >= 0) rounds.push(((processCpuUs() - before) * 1_000) / count);
  }
  return median(rounds);
}

/** Keys in an order without a pattern, the same in every run. */
export const keyAt = (index, count) => `product:${(index * 7_919) % count}`;

const TRIES = 40;

/** Puts so many entries into a cache, and again what a tier on a busy machine was too late to keep. */
export async function fill(cache, { from = 0, to, value, options, batch = 500 }) {
  for (let at = from; at < to; at += batch) {
    let left = numbers(Math.min(batch, to - at)).map((index) => `product:${at + index}`);
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === TRIES) throw new Error(`${left.length} keys did not come into the cache`);
      if (tries > 0) await pause(250);
      await cache.setMany(
        left.map((key) => [key, value]),
        options,
      );
      const found = await cache.getMany(left);
      left = left.filter((key) => !found.has(key));
    }
  }
}

/** Most that may be missing of what was asked for: a tier that is late answers nothing, and the next time it does. */
const MOST_MISSING = 0.01;

/** Reads entries of which there are so many; throws where more than a few are not there. */
export function reader(cache, count) {
  let [asked, missing] = [0, 0];
  return async (index) => {
    asked++;
    if ((await cache.get(keyAt(index, count))) !== undefined) return;
    if (++missing > 20 && missing > asked * MOST_MISSING)
      throw new Error(`${missing} of ${asked} reads found nothing`);
  };
}

/** us of a processor that Redis has used since it began. */
export async function redisCpuUs(admin) {
  const text = await admin.info('cpu');
  const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(text)[1]);
  return (of('used_cpu_user') + of('used_cpu_sys')) * 1e6;
}

export async function redisInfo(admin, section, name) {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(await admin.info(section))[1]);
}

/** Clock ticks of the kernel, as all Linux systems have them. */
const TICK_US = 10_000;

/** us of a processor that PostgreSQL's processes have used; not known where there is no /proc. */
export async function postgresCpuUs({ pid }) {
  try {
    let ticks = 0;
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(name) === pid) ticks += Number(fields[13]) + Number(fields[14]);
      if (Number(name) === pid || Number(fields[1]) === pid)
        ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks * TICK_US;
  } catch {
    return NaN;
  }
}

export const processCpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Bytes of what is on the heap and in array buffers, once nothing more can be collected. */
export async function heapBytes() {
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
