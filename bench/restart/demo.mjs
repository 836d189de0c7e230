// The demo as a process: traffic, an end by SIGTERM, another start on the same servers, traffic again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort, provideServers } from 'throwaway-servers';

const DEMO = fileURLToPath(new URL('../../dist/apps/demo/main.js', import.meta.url));
const TRAFFIC = fileURLToPath(new URL('../../apps/demo/traffic.mjs', import.meta.url));
/** Long enough for a round of the demo's warming, which keeps what is hot. */
const BEFORE_SECONDS = 15;

/** Who answered the requests after the restart. */
export async function restartDemo(warming, { rate, seconds }) {
  const servers = await provideServers();
  try {
    const first = await start(servers, true);
    await traffic(first.port, BEFORE_SECONDS, rate);
    await end(first.child);
    const second = await start(servers, warming);
    const answers = await traffic(second.port, seconds, rate);
    await end(second.child);
    return answers;
  } finally {
    await servers.stop();
  }
}

async function start(servers, warming) {
  const port = await freePort();
  const child = spawn(process.execPath, [DEMO], {
    env: {
      ...process.env,
      PORT: String(port),
      REDIS_URL: servers.redisUrl,
      DATABASE_URL: servers.databaseUrl,
      CACHE_WARMING: warming ? 'on' : 'off',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout))
    if (line.startsWith('Open ')) return { child, port };
  throw new Error('the demo did not start');
}

/** The last line that `npm run traffic` prints, in shares. */
async function traffic(port, seconds, rate) {
  const args = [
    '--url',
    `http://127.0.0.1:${port}`,
    '--seconds',
    `${seconds}`,
    '--rate',
    `${rate}`,
  ];
  const child = spawn(process.execPath, [TRAFFIC, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = '';
  for await (const line of createInterface(child.stdout)) last = line;
  const counts = new Map(
    [...last.matchAll(/(l1|l2|l3|stale|loader) (\d+)/g)].map(([, who, count]) => [who, +count]),
  );
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const shares = [...counts].map(([who, count]) => `${who} ${((100 * count) / all).toFixed(1)} %`);
  const p99 = /p99 [\d.]+ ms/.exec(last)?.[0];
  return `${shares.join(', ')} of ${all} reads in ${seconds} s, ${p99}`;
}

async function end(child) {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
