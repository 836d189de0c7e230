/** Whatever an application says while its servers fail, on its streams and into its audit log: no secret, key, value, tag or user is in it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, it } from 'vitest';
import { endAfterEach, kept, later } from '../support/ends.js';
import { startPostgres, startRedis } from '../support/servers.js';

endAfterEach();

const APPLICATION = fileURLToPath(new URL('fixtures/talkative.mjs', import.meta.url));
const secret = (): string => randomBytes(32).toString('hex');

/** As a secret may have been spelled. */
function spellings(text: string): string[] {
  const raw = Buffer.from(text);
  const bytes = /^[0-9a-f]{64}$/.test(text) ? [raw, Buffer.from(text, 'hex')] : [raw];
  return [
    text,
    encodeURIComponent(text),
    ...bytes.flatMap((one) => [
      one.toString('hex'),
      one.toString('base64').replace(/=+$/, ''),
      one.toString('base64url'),
      one.toString('latin1'),
      // As Node prints a buffer.
      one.toString('hex').replace(/../g, '$& ').trim().slice(0, 60),
    ]),
  ];
}

it('nothing of them is said', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  later(() => rm(folder, { recursive: true, force: true }));
  const passwords = { redis: secret(), postgres: secret() };
  const redis = await kept(startRedis({ password: passwords.redis }));
  const postgres = await kept(startPostgres());
  const owner = new pg.Client({ connectionString: postgres.url });
  await owner.connect();
  await owner.query(`create role app superuser login password '${passwords.postgres}'`);
  await owner.end();
  const database = Object.assign(new URL(postgres.url), {
    username: 'app',
    password: passwords.postgres,
  }).href;
  const named = (what: string): string => `canary-${what}-${randomBytes(8).toString('hex')}`;
  const secrets = {
    masterKey: secret(),
    nameSecret: secret(),
    auditKey: secret(),
    key: named('key'),
    value: named('value'),
    tag: named('tag'),
    subject: named('subject'),
  };
  const auditFile = join(folder, 'audit');
  const options = { auditFile, l2: { url: redis.url }, l3: { url: database } };
  const child = spawn(process.execPath, [APPLICATION, JSON.stringify({ secrets, options })], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  later(() => void child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));

  /** Bytes that are no envelope, under every key of the application. */
  async function corrupt(): Promise<void> {
    const client = new Redis(redis.url);
    const keys = (await client.keys('talkative:*')).filter((key) => key.includes(':e:'));
    for (const key of keys) await client.set(key, 'rubbish', 'KEEPTTL');
    client.disconnect();
  }
  const troubles: Readonly<Record<string, () => Promise<unknown>>> = {
    corrupt,
    'freeze redis': () => redis.freeze(),
    'thaw redis': () => redis.thaw(),
    'kill redis': () => redis.kill(),
    'kill postgres': () => postgres.kill(),
    restart: () => Promise.all([redis.restart(), postgres.restart()]),
  };
  const asked: string[] = [];
  child.on('message', (what: string) => {
    asked.push(what);
    void troubles[what]().then(() => child.send('done'));
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  expect([code, asked, code === 0 ? '' : said.slice(-1_500)]).toEqual([
    0,
    Object.keys(troubles),
    '',
  ]);
  const told = said + (await readFile(auditFile, 'utf8'));

  // It has said a lot, of each kind.
  for (const kind of ['error', 'stats', 'health', 'metrics', 'tier', 'load', 'ACCESS_DENIED'])
    expect(told).toContain(kind);
  for (const kind of ['SCOPE_VIOLATION', 'CONTEXT_MISSING', 'TIER_UNAVAILABLE', 'mlcache_requests'])
    expect(told).toContain(kind);
  expect(told).not.toContain('unhandled');
  const found = Object.entries({ ...secrets, ...passwords }).flatMap(([name, text]) =>
    spellings(text)
      .filter((spelling) => told.includes(spelling))
      .map((spelling) => {
        const at = told.indexOf(spelling);
        return `${name}: ${told.slice(Math.max(at - 200, 0), at + 80)}`;
      }),
  );
  expect(found).toEqual([]);
});
