/** An operator looks while a store is frozen or gone: an answer within a second or so, and none that hangs. */
import { describe, expect, it } from 'vitest';
import { testCache } from '../support/cache.js';
import { endAfterEach, kept } from '../support/ends.js';
import { keysOf } from '../support/listed.js';
import { freshNamespace, startPostgres, startRedis, type Server } from '../support/servers.js';

endAfterEach();

/** A second for the tier, and what a busy machine adds. */
const BOUND_MS = 2_500;

async function bounded<T>(work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await work();
  } finally {
    expect(performance.now() - began).toBeLessThan(BOUND_MS);
  }
}

describe.each([
  ['Redis', 'l2', () => startRedis(), ({ url }: Server) => ({ redis: url })],
  [
    'PostgreSQL',
    'l3',
    () => startPostgres(),
    ({ url }: Server) => ({ database: url, l3: { listable: true } }),
  ],
] as const)('%s', (_name, tier, start, store) => {
  it('that is frozen is away for the list, and does not hold up the rest', async () => {
    const server = await kept(start());
    const { cache } = await testCache({
      namespace: freshNamespace(),
      budget: 50,
      ...store(server),
    });
    const inspector = cache.inspector();
    await cache.getOrSet('k', () => 1);
    await cache.drain();
    expect(await keysOf(inspector, { tier, cache: 'default' })).toEqual(['k']);
    await server.freeze();
    await bounded(() =>
      expect(inspector.entries({ tier, cache: 'default' })).rejects.toMatchObject({
        code: 'CACHE_TIER_UNAVAILABLE',
      }),
    );
    await bounded(() => inspector.probe(tier));
    await bounded(() => expect(inspector.shape('default', 'other')).resolves.toBeUndefined());
    expect(await keysOf(inspector, { tier: 'l1', cache: 'default' })).toEqual(['k']);
    await server.thaw();
    await expect
      .poll(() => keysOf(inspector, { tier, cache: 'default' }).catch(() => []), {
        timeout: 15_000,
      })
      .toEqual(['k']);
  }, 30_000);

  it('that is gone is away at once, and named', async () => {
    const server = await kept(start());
    const { cache } = await testCache({ namespace: freshNamespace(), ...store(server) });
    await server.stop();
    await expect.poll(() => cache.stats().tiers[tier].state).toBe('down');
    const asked = cache.inspector().entries({ tier, cache: 'default' });
    await bounded(() =>
      expect(asked).rejects.toThrow(new RegExp(`^CACHE_TIER_UNAVAILABLE: ${tier} is away`)),
    );
    await bounded(() => cache.inspector().probe(tier));
  }, 30_000);
});

it('a tier that is not asked, for it was slow, is asked again as soon as an operator has tried it', async () => {
  const server = await kept(startRedis());
  const { cache } = await testCache({
    namespace: freshNamespace(),
    redis: server.url,
    budget: 40,
    l1: false,
  });
  await cache.getOrSet('k', () => 1);
  await server.freeze();
  for (let at = 0; at < 6; at++) await cache.get(`k${at}`);
  const state = (): string => cache.stats().tiers.l2.state;
  expect(state()).toBe('degraded');
  await server.thaw();
  await cache.inspector().probe('l2');
  expect(['up', 'down']).toContain(state());
});
