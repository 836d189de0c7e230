/** What the page asks, and what it can change: on the cache of whoever asks. */
import { CACHE_AUDIT, CacheManager, type AuditEvent } from 'nestjs-multi-level-cache';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  ADAPTERS,
  OPEN,
  startApplication,
  type Given,
  type TestApplication,
} from './application.js';

const ODD = 'a/b?c=d&e#f %2F<img src=x onerror=1>';
const TENANTS: NonNullable<Given['cache']> = {
  security: {
    tenancy: 'required',
    resolve: (asked: { headers: Record<string, string | undefined> }) => {
      const tenantId = asked.headers['x-tenant'];
      return tenantId === undefined ? undefined : { tenantId, subjectId: 'kim' };
    },
  },
};

/** The part of warming that is no public door: a round by hand, at a moment that holds nothing back. */
interface Planning {
  readings: object;
  readonly calls: {
    declare(pattern: string, cache: string, make: (args: unknown, key: string) => object): void;
  };
  round(): Promise<unknown>;
}

describe.each(ADAPTERS)('%s', (adapter) => {
  let running: TestApplication;
  const start = async (given: Given = {}): Promise<TestApplication> =>
    (running = await startApplication(adapter, {
      ...given,
      dashboard: { guard: OPEN, actions: true, ...given.dashboard },
    }));
  afterEach(() => running.close());

  it('explains a key as the cache does, however it is spelled', async () => {
    const { cache, get } = await start();
    await cache.set(ODD, 1, { tags: ['t'] });
    const before = cache.stats().caches;
    const { body } = await get('/ops/cache/api/explain').query({ key: ODD }).expect(200);
    expect(body).toMatchObject({
      key: ODD,
      answeredBy: 'l1',
      tiers: { l1: { state: 'fresh', tags: ['t'] } },
    });
    expect(cache.stats().caches).toEqual(before);
  });

  it('makes no cache by being asked for one', async () => {
    const { cache, get } = await start();
    await get('/ops/cache/api/explain?key=k&cache=nobody').expect(404);
    expect(Object.keys(cache.stats().caches)).not.toContain('nobody');
  });

  it('lists keys with the tiers that have them, page by page', async () => {
    const { cache, get } = await start();
    const keys = Array.from({ length: 120 }, (_, index) => `user:${1_000 + index}`);
    await cache.setMany(keys.map((key) => [key, key] as const));
    const first = await get('/ops/cache/api/entries?tier=l1').expect(200);
    expect(first.body.entries).toHaveLength(50);
    expect(first.body.entries[0]).toMatchObject({ key: 'user:1000', tiers: { l1: 'fresh' } });
    const next = await get('/ops/cache/api/entries?tier=l1').query({ cursor: first.body.next });
    expect(next.body.entries.map(({ key }: { key: string }) => key)).toEqual(keys.slice(50, 100));
    const some = await get('/ops/cache/api/entries?tier=l1&prefix=user:111').expect(200);
    expect(some.body.entries.map(({ key }: { key: string }) => key)).toEqual(keys.slice(110));
    expect(some.body).not.toHaveProperty('next');
  });

  it.each([
    ['/api/explain', 400],
    ['/api/explain?key=a&key=b', 400],
    ['/api/explain?key=k&scope=all', 400],
    ['/api/entries?tier=l9', 400],
    ['/api/entries', 400],
    ['/api/shape?key=k', 404],
    ['/api/nothing', 404],
  ])('refuses %s with a sentence', async (path, status) => {
    const { get } = await start();
    const { body } = await get(`/ops/cache${path}`).expect(status);
    expect(body.message).toMatch(/\.$|^Cannot GET/);
  });

  it('shows what values are made of where that is allowed', async () => {
    const { cache, get } = await start({ dashboard: { values: 'redacted' } });
    await cache.set('k', { name: 'Anna' });
    const { body } = await get('/ops/cache/api/shape?key=k').expect(200);
    expect(body).toEqual({
      shape: { type: 'object', members: { name: { type: 'string', length: 4 } } },
    });
  });

  it('deletes, expires and invalidates, and answers with the receipt', async () => {
    const { act, cache } = await start();
    await cache.set(ODD, 1, { tags: ['t'] });
    const expired = await act('expire', { key: ODD }).expect(200);
    expect(expired.body).toEqual({
      receipt: { l1: 'ok', l2: 'off', l3: 'off', backplane: 'off', durable: false },
    });
    expect((await cache.explain(ODD)).tiers.l1?.state).toBe('stale');
    await act('delete', { cache: 'default', key: ODD }).expect(200);
    expect((await cache.explain(ODD)).tiers.l1?.state).toBe('absent');
    await cache.set('other', 1, { tags: ['t'] });
    await act('invalidate', { tag: 't' }).expect(200);
    expect(await cache.get('other')).toBeUndefined();
  });

  it('warms, and tries a tier', async () => {
    const { act, inspector } = await start();
    const tried = vi.spyOn(inspector, 'probe');
    const warmed = await act('warm', { key: 'k' }).expect(200);
    expect(warmed.body.warmed).toMatchObject({ planned: 1, loaded: 0 });
    const probed = await act('probe', { tier: 'l1' }).expect(200);
    expect(probed.body).toEqual({ probed: { tier: 'l1', before: 'up', after: 'up' } });
    expect(tried).toHaveBeenCalledExactlyOnceWith('l1');
    await act('probe', { tier: 'l2' }).expect(400);
    await act('warm', { pattern: 'a*b*' }).expect(400);
    await act('constructor', {}).expect(404);
  });

  it("changes and shows the caller's tenant only, and nothing to nobody", async () => {
    const { act, cache, get } = await start({ cache: TENANTS });
    const as = <T>(tenantId: string, work: () => T): T => cache.runAs({ tenantId }, work);
    await as('red', () => cache.set('k', 1));
    await as('blue', () => cache.set('k', 2));
    const asked = (tenant: string) => get('/ops/cache/api/explain?key=k').set('x-tenant', tenant);
    expect((await asked('red').expect(200)).body.answeredBy).toBe('l1');
    expect((await asked('green').expect(200)).body.answeredBy).toBe('loader');
    expect((await get('/ops/cache/api/explain?key=k').expect(403)).body.code).toBe(
      'CACHE_CONTEXT_MISSING',
    );
    await act('delete', { key: 'k' }).expect(403);
    await act('delete', { key: 'k' }).set('x-tenant', 'red').expect(200);
    expect(await as('red', () => cache.get('k'))).toBeUndefined();
    expect(await as('blue', () => cache.get('k'))).toBe(2);
  });

  it("shows the plan of warming, without another tenant's keys", async () => {
    const { app, cache, get } = await start({
      cache: { ...TENANTS, warming: { interval: '1h', onBoot: false } },
    });
    const { warming } = app.get<{ warming: Planning }>(CacheManager);
    warming.readings = { take: () => ({}), close: () => undefined };
    warming.calls.declare('user:{id}', 'default', (_args, key) => ({ key, loader: () => key }));
    for (const tenantId of ['red', 'blue'])
      await cache.runAs({ tenantId }, async () => {
        for (let times = 0; times < 4; times++) {
          await cache.getOrSet(`user:${tenantId}`, () => 1);
          await cache.delete(`user:${tenantId}`);
        }
      });
    await warming.round();
    const { body } = await get('/ops/cache/api/plan').set('x-tenant', 'red').expect(200);
    expect(body).toMatchObject({ leads: true, nextInMs: expect.any(Number) });
    expect(body.entries).toEqual([
      { cache: 'default', key: 'user:red', priority: expect.any(String), reason: 'absent' },
    ]);
    const refused = await get('/ops/cache/api/plan').expect(403);
    expect(refused.body.code).toBe('CACHE_CONTEXT_MISSING');
  });

  it('lets the policy decide', async () => {
    const policy = { can: (_context: object, action: string) => action === 'read' };
    const { act, get } = await start({ cache: { security: { ...TENANTS.security, policy } } });
    await get('/ops/cache/api/explain?key=k').set('x-tenant', 'red').expect(200);
    const refused = await act('delete', { key: 'k' }).set('x-tenant', 'red').expect(403);
    expect(refused.body.code).toBe('CACHE_ACCESS_DENIED');
  });

  it('records what the cache does not record itself, with its caller', async () => {
    const { act, app } = await start({
      cache: {
        security: {
          ...TENANTS.security,
          audit: { sink: { write: async () => undefined }, key: () => 'k'.repeat(32) },
        },
      },
    });
    const record = vi.spyOn(app.get<{ record(event: AuditEvent): void }>(CACHE_AUDIT), 'record');
    const told = (): unknown[] =>
      record.mock.calls.map(([{ action, subjectId, tenantId, tier }]) => ({
        action,
        subjectId,
        tenantId,
        tier,
      }));
    await act('probe', { tier: 'l1' }).set('x-tenant', 'red').expect(200);
    await act('warm', { key: 'k' }).set('x-tenant', 'red').expect(200);
    await act('delete', { key: 'k' }).set('x-tenant', 'red').expect(200);
    const by = { subjectId: 'kim', tenantId: 'red' };
    expect(told()).toEqual([
      { action: 'probe', tier: 'l1', ...by },
      { action: 'warm', tier: undefined, ...by },
      { action: 'delete', tier: undefined, ...by },
    ]);
  });
});
