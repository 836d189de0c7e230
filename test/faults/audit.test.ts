/** Processes that end, and a PostgreSQL that freezes: what the audit log loses, who waits for it, and what the command says. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CACHE_AUDIT,
  CacheManager,
  isCacheError,
  MultiLevelCacheModule,
  type Audit,
  type AuditCheckpoint,
  type AuditRecord,
} from '../../libs/multi-level-cache/src/index.js';
import { AUDIT_KEY, query, tamper, verifyDatabase } from '../support/audit.js';
import { freshDatabase, freshNamespace, startPostgres, type Server } from '../support/servers.js';

const APPLICATION = fileURLToPath(new URL('fixtures/audited.mjs', import.meta.url));
const COMMAND = fileURLToPath(
  new URL('../../libs/multi-level-cache/dist/commands/audit.js', import.meta.url),
);
const UNTIL_ENDED = 1_000_000;
/** Of the log. */
const RING = 10_000;

let folder: string;
let database: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  database = await freshDatabase();
  await writeFile(join(folder, 'key'), `${AUDIT_KEY.toString()}\n`);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  /** Resolves with what it says at its end. */
  readonly said: Promise<string[]>;
}

async function start(options: object): Promise<Running> {
  const argument = {
    namespace: freshNamespace(),
    key: AUDIT_KEY.toString(),
    writes: UNTIL_ENDED,
    ...options,
  };
  const child = spawn(process.execPath, [APPLICATION, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const ready = once(reader, 'line');
  reader.on('line', (line) => lines.push(line));
  const said = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(() => lines);
  await ready;
  return { child, said };
}

async function command(...argv: string[]): Promise<{ code: number; text: string }> {
  const env = { ...process.env, MLCACHE_AUDIT_KEY: '' };
  delete (env as Record<string, string | undefined>)['MLCACHE_AUDIT_KEY'];
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...argv], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr }),
    );
  });
}

const verify = (...argv: string[]) => command('verify', '--key-file', join(folder, 'key'), ...argv);

async function mutations(): Promise<number> {
  const [{ n }] = await query<{ n: number }>(
    database,
    "select count(*)::int n from mlcache.audit where event_type = 'mutation' and outcome = 'allow'",
  );
  return n;
}

describe('SIGTERM', () => {
  it('loses no record of a write that was acknowledged, in PostgreSQL', async () => {
    const { child, said } = await start({ database, sink: 'database' });
    await expect.poll(mutations, { timeout: 10_000 }).toBeGreaterThan(500);
    child.kill('SIGTERM');
    const acknowledged = (await said).at(-1);
    expect(await mutations()).toBe(Number(acknowledged));
    expect((await verifyDatabase(database)).chains).toMatchObject([
      { state: 'closed', faults: [], lost: 0 },
    ]);
    expect(await verify('--database', database)).toMatchObject({ code: 0 });
  });

  it('loses none in a file', async () => {
    const file = join(folder, 'audit.jsonl');
    const { child, said } = await start({ sink: { file } });
    const lines = async () =>
      (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes('"mutation"'))
        .length;
    await expect.poll(lines, { timeout: 10_000 }).toBeGreaterThan(500);
    child.kill('SIGTERM');
    const acknowledged = (await said).at(-1);
    expect(await lines()).toBe(Number(acknowledged));
    expect(await readFile(file, 'utf8')).not.toContain('secret');
    const { code, text } = await verify('--file', file);
    expect([code, text]).toEqual([0, expect.stringContaining('all whole')]);
  });
});

describe('SIGKILL', () => {
  it('leaves a chain that is whole and has no end, and loses no more than what memory holds', async () => {
    const { child, said } = await start({ database, sink: 'database' });
    await expect.poll(mutations, { timeout: 10_000 }).toBeGreaterThan(2_000);
    child.kill('SIGKILL');
    const acknowledged = Number((await said).at(-1));
    // What was in memory: the ring and a batch at most.
    expect(acknowledged - (await mutations())).toBeLessThan(RING + 1_000);
    const now = Date.now();
    expect((await verifyDatabase(database, now)).chains).toMatchObject([
      { state: 'running', faults: [] },
    ]);
    const later = await verifyDatabase(database, now + 10 * 60_000);
    expect(later.chains).toMatchObject([{ state: 'unclean', faults: [] }]);
  });

  it('in the middle of a line leaves a file that the next process goes on with', async () => {
    const file = join(folder, 'audit.jsonl');
    const first = await start({ sink: { file } });
    const size = async () => (await readFile(file)).length;
    await expect.poll(size, { timeout: 10_000 }).toBeGreaterThan(100_000);
    first.child.kill('SIGKILL');
    await first.said;
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.endsWith('}'));
    const torn = JSON.parse(lines.at(-1)!) as AuditRecord;
    await writeFile(file, `${lines.slice(0, -1).join('\n')}\n${lines.at(-1)!.slice(0, 40)}`);
    const checkpoints = (await readFile(`${file}.checkpoints`, 'utf8')).trim().split('\n');
    const seen = JSON.parse(checkpoints.at(-1)!) as AuditCheckpoint;
    const second = await start({ sink: { file }, writes: 10 });
    second.child.kill('SIGTERM');
    await second.said;
    const { code, text: said } = await verify('--file', file);
    // Missed only where it was known to have been there.
    expect(code).toBe(seen.seq >= torn.seq ? 1 : 0);
    expect(said).toContain('2 chains');
    expect(said).toContain('1 lines are no records');
  });
});

describe('a frozen PostgreSQL', () => {
  let server: Server;
  beforeEach(async () => {
    server = await startPostgres();
  });
  afterEach(() => server.stop());

  async function boot(mode: 'best-effort' | 'strict') {
    const module = MultiLevelCacheModule.forRoot({
      namespace: freshNamespace(),
      l3: { url: server.url },
      security: { audit: { sink: 'database', key: () => AUDIT_KEY, mode, reads: 1 } },
    });
    const builder = Test.createTestingModule({ imports: [module] });
    const app = await builder.setLogger({ log() {}, warn() {}, error() {} }).compile();
    await app.init();
    return { app, cache: app.get(CacheManager), audit: app.get<Audit>(CACHE_AUDIT) };
  }

  it('is waited for by no hit in memory; the ring fills and no more, and the loss is on record', async () => {
    const { app, audit, cache } = await boot('best-effort');
    try {
      await cache.getOrSet('k', () => 'value');
      await audit.flush();
      await server.freeze();
      const events = 3 * RING;
      let late = 0;
      for (let at = 0; at < events; at++) {
        // Each hit is an event, and no turn of the event loop passes before its answer is there.
        let answered = false;
        void cache.get('k').then(() => (answered = true));
        for (let tick = 0; tick < 3; tick++) await Promise.resolve();
        if (!answered) late++;
      }
      expect(late).toBe(0);
      const { dropped, recorded, written } = audit.stats();
      expect(recorded).toBeGreaterThanOrEqual(events);
      expect(dropped).toBeGreaterThan(0);
      // In the ring, and a batch on its way.
      expect(recorded - dropped - written).toBeLessThanOrEqual(RING + 1_000);
      await server.thaw();
      await expect.poll(() => audit.stats().healthy, { timeout: 15_000 }).toBe(true);
      await audit.flush();
      const overflow = await query<{ n: string }>(
        server.url,
        "select sum(count) n from mlcache.audit where event_type = 'overflow'",
      );
      expect(Number(overflow[0].n)).toBe(audit.stats().dropped);
    } finally {
      await app.close();
    }
    const { chains } = await verifyDatabase(server.url);
    expect(chains).toMatchObject([{ state: 'closed', faults: [] }]);
    expect(chains[0].lost).toBeGreaterThan(0);
  }, 60_000);

  it('makes a strict log deny mutations, and the end of the application does not hang', async () => {
    const { app, audit, cache } = await boot('strict');
    await cache.set('k', 'old');
    await server.freeze();
    for (let at = 0; at < 10; at++) await cache.get('k');
    await expect.poll(() => audit.refuses, { timeout: 15_000 }).toBe(true);
    const error: unknown = await cache.delete('k').catch((thrown: unknown) => thrown);
    expect(isCacheError(error, 'CACHE_ACCESS_DENIED')).toBe(true);
    const began = performance.now();
    await app.close();
    expect(performance.now() - began).toBeLessThan(15_000);
  }, 60_000);
});

describe('the command', () => {
  it('says what was done to which chain, and takes no key from its arguments', async () => {
    const { child, said } = await start({
      database,
      sink: 'database',
      checkpoints: { file: join(folder, 'second') },
      writes: 20,
    });
    await expect.poll(mutations, { timeout: 10_000 }).toBe(80);
    child.kill('SIGTERM');
    await said;
    await tamper(
      database,
      'delete from mlcache.audit where seq > 40',
      'delete from mlcache.audit_checkpoint where seq > 40',
    );
    // Whoever can write the database can cut off an end with its checkpoints, and nobody sees more than that it has none.
    expect((await verify('--database', database)).code).toBe(0);
    const { code, text } = await verify(
      '--database',
      database,
      '--checkpoints',
      join(folder, 'second'),
    );
    expect([code, text]).toEqual([1, expect.stringContaining('truncation at 41')]);
    const [{ key_hmac: name }] = await query<{ key_hmac: string }>(
      database,
      "select key_hmac from mlcache.audit where action = 'set' order by seq limit 1",
    );
    expect(name).toMatch(/^[0-9a-f]{16}$/);
    expect(await command('verify', '--key', AUDIT_KEY.toString())).toMatchObject({ code: 3 });
    const wrong = await command(
      'verify',
      '--database',
      'postgres://u:hidden@127.0.0.1:1/x',
      '--key-file',
      join(folder, 'key'),
    );
    expect(wrong.code).toBe(3);
    expect(wrong.text).not.toContain('hidden');
    expect((await command('tables')).text).toContain('append-only');
  });
});
