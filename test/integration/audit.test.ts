/** The audit log of an application: what it tells of each verb, in PostgreSQL and in files, and what can be done to it there. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CACHE_AUDIT,
  CacheManager,
  CacheVault,
  isCacheError,
  MultiLevelCacheModule,
  PermissionPolicy,
  verifyAudit,
  type Audit,
  type AuditConfig,
  type AuditRecord,
  type CacheModuleOptions,
  type SecurityConfig,
} from '../../libs/multi-level-cache/src/index.js';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { Chain } from '../../libs/multi-level-cache/src/security/audit/chain.js';
import { JsonLinesSink } from '../../libs/multi-level-cache/src/security/audit/json-lines.js';
import { AuditSeal } from '../../libs/multi-level-cache/src/security/audit/seal.js';
import { DatabaseAuditReader } from '../../libs/multi-level-cache/src/tiers/database/audit-reader.js';
import { DatabaseAuditSink } from '../../libs/multi-level-cache/src/tiers/database/audit-sink.js';
import { AUDIT_KEY, query, tamper, verifyDatabase } from '../support/audit.js';
import { L3 } from '../support/options.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';

const apps: TestingModule[] = [];
const sinks: DatabaseAuditSink[] = [];
const NO_LOGGER = { log: () => undefined, warn: () => undefined, error: () => undefined };
let database: string;

beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await Promise.all(sinks.splice(0).map((sink) => sink.close()));
});

async function boot(
  audit: Partial<AuditConfig> = {},
  { security, ...more }: Partial<CacheModuleOptions> & { security?: SecurityConfig } = {},
) {
  const module = MultiLevelCacheModule.forRoot({
    namespace: freshNamespace(),
    l3: { url: database },
    ...more,
    security: { ...security, audit: { sink: 'database', key: () => AUDIT_KEY, ...audit } },
  });
  const app = await Test.createTestingModule({ imports: [module] })
    .setLogger(NO_LOGGER)
    .compile();
  apps.push(app);
  await app.init();
  return { app, cache: app.get(CacheManager), audit: app.get<Audit>(CACHE_AUDIT) };
}

async function close(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}

function rows(where = 'true'): Promise<Record<string, string | null>[]> {
  return query(
    database,
    `select * from mlcache.audit where event_type not like 'chain-%' and event_type <> 'retention' and ${where} order by seq`,
  );
}

const USER = {
  tenantId: 'acme',
  subjectId: 'alice',
  requestId: 'r-1',
  attributes: { traceId: 't-1' },
};

describe('what is told', () => {
  it('says that a message was made up by somebody else', async () => {
    const namespace = freshNamespace();
    const secret = Buffer.alloc(32, 9);
    await boot(
      {},
      {
        namespace,
        l2: { url: redisUrl() },
        security: { backplane: { key: () => secret } },
      },
    );
    const redis = new Redis(redisUrl());
    await redis.xadd(
      `${namespace}:{~}:st`,
      '*',
      'n',
      '1',
      'e',
      'x',
      's',
      'me',
      't',
      'd',
      'k',
      '[]',
    );
    redis.disconnect();
    await expect.poll(() => rows("event_type = 'integrity'"), { timeout: 10_000 }).toHaveLength(1);
    const [told] = await rows("event_type = 'integrity'");
    expect(told).toMatchObject({ outcome: 'error', reason: 'message not ours', tier: 'l2' });
  });

  it('says which keys were rotated, and whose were destroyed', async () => {
    const masterKeys = () => ({ current: 'm1', keys: { m1: Buffer.alloc(32, 7) } });
    const { app } = await boot({}, { security: { encryption: { masterKeys } } });
    const vault = app.get(CacheVault);
    await vault.rotate('acme');
    await vault.rotateMaster();
    await vault.erase('acme');
    await close();
    const told = await rows("event_type in ('key-rotation', 'tenant-erasure')");
    expect(
      told.map(({ event_type, outcome, tenant_id }) => [event_type, outcome, tenant_id]),
    ).toEqual([
      ['key-rotation', 'allow', 'acme'],
      ['key-rotation', 'allow', null],
      ['tenant-erasure', 'allow', 'acme'],
    ]);
  });

  it('names the verb, the caller and the outcome of each mutation, and no key', async () => {
    const { audit, cache } = await boot({}, { groups: ['user:profile'] });
    await cache.runAs(USER, async () => {
      await cache.set('user:secret', 'value');
      await cache.setMany([
        ['user:2', 1],
        ['user:3', 1],
      ]);
      await cache.touch('user:2', '1m');
      await cache.expire('user:2');
      await cache.delete('user:secret');
      await cache.invalidateTags(['secret-tag']);
      await cache.invalidatePattern('user:*');
      await cache.mutate({ keys: ['user:4'], tags: ['secret-tag'] }, () => 1);
      await cache.clear();
    });
    await audit.flush();
    const told = await rows();
    expect(told.map(({ event_type: type, action, count }) => `${type} ${action} ${count}`)).toEqual(
      [
        'mutation set 1',
        'mutation set 2',
        'mutation touch 1',
        'mutation expire 1',
        'mutation delete 1',
        'mutation invalidateTags 1',
        'mutation invalidatePattern 1',
        'mutation mutate 2',
        'clear clear 1',
      ],
    );
    for (const row of told)
      expect(row).toMatchObject({
        tenant_id: 'acme',
        actor_type: 'user',
        request_id: 'r-1',
        trace_id: 't-1',
        outcome: 'allow',
      });
    expect(JSON.stringify(told)).not.toMatch(/secret|alice|user:/);
    // One key is called the same in all of them.
    expect(told[0]['key_hmac']).toBe(told[4]['key_hmac']);
    expect(told[0]['subject_hash']).toMatch(/^[0-9a-f]{16}$/);
    await close();
    expect((await verifyDatabase(database)).chains).toMatchObject([
      { state: 'closed', faults: [] },
    ]);
  });

  it('says how a mutation failed by the name of its error only', async () => {
    const { audit, cache } = await boot();
    const write = () => Promise.reject(new TypeError('secret'));
    await expect(cache.mutate({ keys: ['k'] }, write)).rejects.toThrow('secret');
    await audit.flush();
    expect(await rows()).toMatchObject([{ outcome: 'error', reason: 'TypeError' }]);
  });

  it('says who was refused, and why, by denials, missing contexts and scopes', async () => {
    const policy = new PermissionPolicy();
    const { audit, cache } = await boot({}, { security: { tenancy: 'required', policy } });
    await expect(cache.get('k')).rejects.toThrow('CACHE_CONTEXT_MISSING');
    await expect(cache.runAs(USER, () => cache.set('secret', 1))).rejects.toThrow(
      'CACHE_ACCESS_DENIED',
    );
    await audit.flush();
    const told = await rows();
    expect(told).toMatchObject([
      { event_type: 'context-missing', outcome: 'deny', action: 'read', actor_type: 'none' },
      { event_type: 'denied', outcome: 'deny', action: 'write', tenant_id: 'acme' },
    ]);
    expect(told[1]['key_hmac']).toHaveLength(16);
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  it('says when the bytes of a key are another key’s, or nobody’s', async () => {
    const { audit, cache } = await boot({}, { l1: false });
    for (const key of ['a', 'b']) await cache.set(key, key);
    await query(
      database,
      `update mlcache.entry set value = (select e.value from mlcache.entry e where e.key_hash <> entry.key_hash)`,
    );
    expect(await cache.get('a')).toBeUndefined();
    await audit.flush();
    expect(await rows("event_type = 'integrity'")).toMatchObject([
      { outcome: 'error', tier: 'l3', reason: 'envelope not ours' },
    ]);
  });

  it('tells of reads in memory and below where they are to be kept', async () => {
    const { audit, cache } = await boot({ reads: 1, mutations: 0 });
    await cache.set('k', 1);
    await cache.get('k');
    await cache.get('k');
    await cache.get('absent');
    await audit.flush();
    const told = await rows();
    expect(told.map(({ reason, tier }) => [reason, tier])).toEqual([
      ['hit', 'l3'],
      ['hit', 'l1'],
      ['miss', null],
    ]);
  });
});

describe('in PostgreSQL', () => {
  it('lets nobody change or remove a record, owner or not', async () => {
    const { audit, cache } = await boot();
    await cache.set('k', 1);
    await audit.flush();
    for (const table of ['audit', 'audit_checkpoint'])
      for (const statement of [
        `update mlcache.${table} set v = 2`,
        `delete from mlcache.${table}`,
        `truncate mlcache.${table}`,
      ])
        await expect(query(database, statement)).rejects.toThrow('append-only');
  });

  it('needs nothing but the right to insert', async () => {
    await boot();
    await close();
    await query(
      database,
      `create role auditor_${process.pid} login password 'auditor';
       grant usage on schema mlcache to auditor_${process.pid};
       grant insert on mlcache.audit, mlcache.audit_checkpoint to auditor_${process.pid}`,
    );
    const url = new URL(database);
    [url.username, url.password] = [`auditor_${process.pid}`, 'auditor'];
    const sink = new DatabaseAuditSink({ ...L3, url: url.href, migrate: false }, new SystemClock());
    sinks.push(sink);
    const chain = new Chain(
      new AuditSeal(AUDIT_KEY),
      { namespace: 'n', instanceId: 'i' },
      Date.now(),
    );
    const record = chain.add({ type: 'chain-open' }, Date.now());
    // A reply that was lost: it comes once more.
    for (let times = 0; times < 2; times++) await sink.write([record]);
    await sink.checkpoint(chain.checkpoint(Date.now(), false));
    await expect(sink.prune(0)).rejects.toThrow('permission denied');
    const report = await verifyDatabase(database);
    expect(report.chains.map(({ state, records }) => `${state} ${records}`).toSorted()).toEqual([
      'closed 3',
      'running 1',
    ]);
  });

  it.each([
    ['edit', 'edit at 5', "update mlcache.audit set action = 'get' where seq = 5"],
    [
      'a time by a microsecond',
      'edit at 5',
      "update mlcache.audit set ts = ts + interval '1 microsecond' where seq = 5",
    ],
    ['delete', 'delete at 5', 'delete from mlcache.audit where seq = 5'],
    [
      'insert',
      'insert at 13',
      'insert into mlcache.audit select (jsonb_populate_record(a, \'{"seq": 13}\')).* from mlcache.audit a where seq = 5',
    ],
    [
      'reorder',
      'reorder at 5, reorder at 8',
      'update mlcache.audit set seq = -seq where seq in (5, 8); update mlcache.audit set seq = 13 + seq where seq < 0',
    ],
    ['truncation', 'truncation at 10', 'delete from mlcache.audit where seq >= 10'],
    ['the whole chain', 'truncation at 1', 'delete from mlcache.audit'],
  ])('shows %s', async (_what, faults, statement) => {
    const { cache } = await boot();
    for (let at = 0; at < 9; at++) await cache.set(`k${at}`, at);
    await close();
    expect((await verifyDatabase(database)).chains).toMatchObject([{ records: 12, faults: [] }]);
    await tamper(database, statement);
    const { chains } = await verifyDatabase(database);
    expect(chains).toHaveLength(1);
    expect(chains[0].faults.map(({ kind, seq }) => `${kind} at ${seq}`).join(', ')).toBe(faults);
  });

  it('removes chains after their retention as a whole, and the verifier misses none of them', async () => {
    const sink = new DatabaseAuditSink({ ...L3, url: database }, new SystemClock());
    sinks.push(sink);
    const seal = new AuditSeal(AUDIT_KEY);
    const day = 86_400_000;
    const checkpoints = [];
    for (const daysAgo of [100, 91, 89, 2]) {
      const ts = Date.now() - daysAgo * day;
      const chain = new Chain(seal, { namespace: 'n', instanceId: 'i' }, ts);
      const records: AuditRecord[] = [];
      for (let at = 0; at < 6_000; at++) records.push(chain.add({ type: 'mutation' }, ts));
      await sink.write(records);
      checkpoints.push(chain.checkpoint(ts, false));
    }
    for (const checkpoint of checkpoints) await sink.checkpoint(checkpoint);
    await boot();
    const left = async () =>
      (await query(database, 'select distinct chain_id from mlcache.audit')).length;
    await expect.poll(left, { timeout: 5_000 }).toBe(3);
    // Also where a second place for checkpoints has kept them all.
    const reader = await DatabaseAuditReader.open(database, 'mlcache');
    const report = await verifyAudit(
      { records: reader.records(), checkpoints },
      { keys: [AUDIT_KEY], now: Date.now() },
    );
    await reader.close();
    expect(report.chains.map(({ state }) => state).toSorted()).toEqual([
      'running',
      'unclean',
      'unclean',
    ]);
    await expect(sink.prune(Date.now())).rejects.toThrow('kept for a day');
  });

  it('is written by instances that boot together', async () => {
    const all = await Promise.all([boot(), boot(), boot()]);
    await Promise.all(all.map(({ cache }) => cache.set('k', 1)));
    await close();
    const { chains } = await verifyDatabase(database);
    expect(chains.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
  });
});

describe('in a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'audit-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has a line for each record, for its owner only, and checkpoints beside', async () => {
    const file = join(folder, 'new', 'audit.jsonl');
    const { cache } = await boot({ sink: { file } }, { l3: false, l2: { url: redisUrl() } });
    await cache.set('k', 1);
    await close();
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as AuditRecord).eventType)).toEqual([
      'chain-open',
      'mutation',
      'chain-close',
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(`${file}.checkpoints`, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  it('goes on behind half a line of a process that was killed', async () => {
    const file = join(folder, 'audit.jsonl');
    await writeFile(file, '{"v":1,"ts":17');
    const sink = new JsonLinesSink(file);
    const chain = new Chain(new AuditSeal(AUDIT_KEY), { namespace: 'n', instanceId: 'i' }, 0);
    await sink.write([chain.add({ type: 'chain-open' }, 0)]);
    await sink.close();
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[1])).toMatchObject({ seq: 1 });
  });
});

describe('strict', () => {
  it('denies every mutation before anything is changed while the sink fails; reads go on', async () => {
    let failing = false;
    const write = async (): Promise<void> => {
      if (failing) throw new Error('away');
    };
    const { audit, cache } = await boot({ mode: 'strict', sink: { write } });
    await cache.set('k', 'old', { tags: ['t'] });
    await audit.flush();
    failing = true;
    await cache.set('other', 1);
    await expect.poll(() => audit.refuses).toBe(true);
    let ran = 0;
    const verbs: Record<string, () => Promise<unknown>> = {
      set: () => cache.set('k', 'new'),
      setMany: () => cache.setMany([['k', 'new']]),
      delete: () => cache.delete('k'),
      deleteMany: () => cache.deleteMany(['k']),
      expire: () => cache.expire('k'),
      touch: () => cache.touch('k', '1h'),
      invalidateTags: () => cache.invalidateTags(['t']),
      invalidatePattern: () => cache.invalidatePattern('k:*'),
      clear: () => cache.clear(),
      mutate: () => cache.mutate({ keys: ['k'] }, () => ran++),
    };
    for (const [name, verb] of Object.entries(verbs)) {
      const error: unknown = await verb().catch((thrown: unknown) => thrown);
      expect([name, isCacheError(error, 'CACHE_ACCESS_DENIED')]).toEqual([name, true]);
    }
    expect(ran).toBe(0);
    expect(await cache.get('k')).toBe('old');
    expect(cache.stats().audit?.healthy).toBe(false);
    failing = false;
    await expect.poll(() => audit.refuses, { timeout: 10_000 }).toBe(false);
    await cache.delete('k');
    expect(await cache.get('k')).toBeUndefined();
  });
});

describe('options', () => {
  it('tells every fault at once, and shows no secret', async () => {
    const wrong = {
      sink: 'database',
      key: 'a-secret-in-its-place',
      mode: 'loose',
      reads: 2,
      retention: '1h',
      checkpoints: 'file',
      other: 1,
    };
    const error: unknown = await boot(wrong as never, { l3: false }).catch(
      (thrown: unknown) => thrown,
    );
    expect(isCacheError(error, 'CACHE_CONFIG_INVALID')).toBe(true);
    const text = String(error);
    for (const name of ['sink', 'key', 'mode', 'reads', 'retention', 'checkpoints', 'other'])
      expect(text).toContain(`security.audit.${name}:`);
    expect(text).not.toContain('a-secret-in-its-place');
  });

  it('ends the boot where the key is too short', async () => {
    await expect(boot({ key: () => 'short' })).rejects.toThrow('at least 32 bytes');
  });
});
