/** Loads nobody waits for: a refresh, a load past its time and a warm one are fenced like any other. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, type TestCache } from '../support/cache.js';
import { expectGone, heldLoader, instances, PLAIN, REMOVALS } from './shapes.js';

afterEach(closeCaches);

type Loader = () => Promise<string>;
const TAGS = ['t'];

/** Each begins a load of `k` that no caller waits for. */
const KINDS: readonly {
  kind: string;
  begin: (made: TestCache, loader: Loader, started: Promise<void>) => Promise<void>;
}[] = [
  {
    kind: 'a refresh',
    begin: async ({ cache }, loader, started) => {
      const options = { ttl: '1h', refreshAhead: 0.000_001, tags: TAGS } as const;
      await cache.getOrSet('k', () => 'fresh', options);
      await cache.drain();
      let refreshes = false;
      void started.then(() => (refreshes = true));
      await expect
        .poll(async () => (await cache.getOrSet('k', loader, options), refreshes))
        .toBe(true);
    },
  },
  {
    kind: 'a load whose callers have given up',
    begin: async ({ cache }, loader) => {
      const late = cache.getOrSet('k', loader, { hardTimeout: 50, tags: TAGS });
      await expect(late).rejects.toMatchObject({ code: 'CACHE_LOADER_TIMEOUT' });
    },
  },
  {
    kind: 'a warm load',
    begin: ({ cache }, loader, started) => {
      const options = { tags: TAGS };
      cache.warming.calls.declare('{key}', 'default', (_args, key) => ({ key, loader, options }));
      void cache.warm({ keys: ['k'] });
      return started;
    },
  },
];

describe.each(PLAIN)('$title', (shape) => {
  describe.each(KINDS)('R5: $kind starts on A', ({ begin }) => {
    it.each(REMOVALS)('$name on A, it commits: in no tier', async ({ run }) => {
      const make = instances(shape);
      const a = await make();
      const { loader, started, finish } = heldLoader();
      await begin(a, loader, started);
      await run(a);
      finish('old');
      await a.cache.drain();
      await expectGone(make, a);
    });

    it.each(REMOVALS)('$name on B, it commits: in no tier', async ({ run }) => {
      const make = instances(shape);
      const [a, b] = [await make(), await make()];
      const { loader, started, finish } = heldLoader();
      await begin(a, loader, started);
      await run(b);
      finish('old');
      await a.cache.drain();
      await expect.poll(() => a.cache.peek('k')).toBeUndefined();
      await expectGone(make, a, b);
    });

    it('nothing happens, it commits: it is stored', async () => {
      const a = await instances(shape)();
      const { loader, started, finish } = heldLoader();
      await begin(a, loader, started);
      finish('new');
      await expect.poll(() => a.cache.get('k')).toBe('new');
    });
  });
});
