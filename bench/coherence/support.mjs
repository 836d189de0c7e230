// What the parts of `npm run bench:coherence` share: figures, Redis's own counters, and processes that do as they are told.
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

export { commandStats, commandsSent } from '../lib/command-stats.mjs';

/** Ms on a clock that is the same for all processes of this machine. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const numbers = (count) => Array.from({ length: count }, (_, index) => index);

export function percentile(list, share) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)];
}

export const median = (list) => percentile(list, 0.5);

/** The median of a figure's rounds with the least and the most of them. */
export function spread(list, digits = 1) {
  const [least, most] = [Math.min(...list), Math.max(...list)];
  return `${median(list).toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** Tells of each key at a steady rate, one after the other; when each was told. */
export async function announceAt({ keys, rate }, tell) {
  const sent = [];
  const began = now();
  for (const [index, key] of keys.entries()) {
    await pause(Math.max(began + (index * 1_000) / rate - now(), 0));
    sent.push(now());
    await tell(key);
  }
  return sent;
}

class Application {}

/** An application with this cache, and other modules, as a user's would be. */
export async function openCache(options, more = []) {
  const imports = [MultiLevelCacheModule.forRoot({ namespace: 'bench', ...options }), ...more];
  const module = { module: Application, imports };
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  return { app, cache: app.get(CacheManager) };
}

/** So many processes of one program in this folder; each answers one question at a time. */
export async function startGroup(program, count, options) {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const children = numbers(count).map(() => fork(file, [JSON.stringify(options)]));
  const answer = (child) =>
    new Promise((resolve, reject) => {
      const gone = (code) => reject(new Error(`a process ended with ${code}`));
      child.once('exit', gone);
      child.once('message', (message) => (child.off('exit', gone), resolve(message)));
    });
  const stop = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  try {
    await Promise.all(children.map(answer));
  } catch (error) {
    stop();
    throw error;
  }
  return {
    stop,
    ask: (index, verb, argument) => {
      const answered = answer(children[index]);
      children[index].send({ verb, argument });
      return answered;
    },
  };
}

/** The other side of it. */
export function serve(verbs) {
  process.on('message', ({ verb, argument }) => {
    void verbs[verb](argument).then((result) => process.send({ result }));
  });
  // The parent is gone: nobody wants to know any more.
  for (const event of ['disconnect', 'error']) process.on(event, () => process.exit(0));
  process.send({ ready: true });
}
