// `npm run bench:sockets`: L2 hits for requests that come in on 64 separate sockets, against ioredis GET in the same server.
import { fork } from 'node:child_process';
import http from 'node:http';
import os from 'node:os';
import { Redis } from 'ioredis';
import { NestFactory } from '@nestjs/core';
import { startRedis } from 'throwaway-servers';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const SOCKETS = 64;
const REQUESTS = 20_000;
const ROUNDS = 5;
const KEYS = 1_000;
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

if (process.send) await serve(process.argv[2]);
else await measure();

/** Answers `/raw/KEY` and `/cache/KEY` until the parent goes. */
async function serve(url) {
  const redis = new Redis(url);
  const options = { namespace: 'bench', l1: false, l2: { url, budget: '5s' } };
  const module = MultiLevelCacheModule.forRoot(options);
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const cache = app.get(CacheManager);
  for (let key = 0; key < KEYS; key++) {
    await redis.set(`raw:${key}`, JSON.stringify(value));
    await cache.set(`${key}`, value);
  }
  const ways = {
    nothing: () => value,
    raw: async (key) => JSON.parse(await redis.get(`raw:${key}`)),
    cache: (key) => cache.get(key),
  };
  const server = http.createServer((request, response) => {
    const [, way, key] = request.url.split('/');
    void Promise.resolve(ways[way](key)).then((found) => response.end(JSON.stringify(found)));
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.once('disconnect', () => process.exit(0));
}

async function measure() {
  const redis = await startRedis();
  const child = fork(process.argv[1], [redis.url]);
  const port = await new Promise((resolve) => child.once('message', resolve));
  const agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS });
  const admin = new Redis(redis.url);
  const commands = async () =>
    Number(/total_commands_processed:(\d+)/.exec(await admin.info('stats'))[1]);
  const ask = (path) =>
    new Promise((resolve, reject) => {
      const request = http.get({ port, path, agent, host: '127.0.0.1' }, (response) =>
        response.resume().once('end', resolve),
      );
      request.once('error', reject);
    });
  const run = async (way) => {
    let next = 0;
    const began = performance.now();
    const worker = async () => {
      while (next < REQUESTS) await ask(`/${way}/${(next++ * 7919) % KEYS}`);
    };
    await Promise.all(Array.from({ length: SOCKETS }, worker));
    return (REQUESTS / (performance.now() - began)) * 1_000;
  };
  const rates = { nothing: [], raw: [], cache: [] };
  const counts = {};
  for (let round = -1; round < ROUNDS; round++) {
    for (const way of Object.keys(rates)) {
      const before = await commands();
      const rate = await run(way);
      counts[way] = (await commands()) - before - 1;
      if (round >= 0) rates[way].push(rate);
    }
  }
  console.log(
    `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
  );
  const raw = median(rates.raw);
  for (const [way, list] of Object.entries(rates))
    console.log(
      `${way.padEnd(8)} ${Math.round(median(list))} requests/s, ${(median(list) / raw).toFixed(2)} of ioredis GET, ${(counts[way] / REQUESTS).toFixed(2)} Redis commands a request`,
    );
  child.disconnect();
  admin.disconnect();
  agent.destroy();
  await redis.stop();
}
